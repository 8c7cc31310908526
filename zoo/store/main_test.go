package store_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if puller() {
		return
	}
	goleak.VerifyTestMain(m)
}
