package memstore_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/zoo/store/memstore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Subject {
		s := new(memstore.Store)
		return storetest.Subject{Fetcher: s, Pusher: s}
	})
}
