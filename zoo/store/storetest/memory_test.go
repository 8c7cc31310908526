package storetest_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Subject {
		m := new(storetest.Memory)
		return storetest.Subject{Fetcher: m, Pusher: m}
	})
}
