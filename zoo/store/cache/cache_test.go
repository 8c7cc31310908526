package cache_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open makes a cache in a fresh folder.
func open(t testing.TB, options cache.Options) *cache.Cache {
	t.Helper()
	c, err := cache.New(t.TempDir(), options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConformance(t *testing.T) {
	for name, options := range map[string]cache.Options{"locks": {}, "no locks": {NoLocks: true}} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Subject {
				c := open(t, options)
				return storetest.Subject{Fetcher: c, Pusher: c}
			})
		})
	}
}
