package zoo_test

import (
	"errors"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/store"
)

func plan(t *testing.T, z *zoo.Zoo, found *zoo.Match) []zoo.Candidate {
	t.Helper()
	candidates, err := z.Plan(t.Context(), found, zoo.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return candidates
}

func TestPlan(t *testing.T) {
	t.Parallel()
	options := folders(t)
	z := open(t, options)
	checkpoint := shipped(t, embedded.Checkpoint)
	server := serve(t, map[string][]byte{"good": checkpoint})
	found := upstream(t, server.URL+"/gone")
	good := found.Sources[0]
	good.Name, good.Address, good.Estimate = "good", server.URL+"/good", 500_000
	found.Sources = append(found.Sources, good)
	candidates := plan(t, z, found)
	if len(candidates) != 2 || !errors.Is(candidates[0].Err, store.ErrNotFound) {
		t.Fatalf("candidates %v", candidates)
	}
	if c := candidates[1]; c.Err != nil || c.Bytes != int64(len(checkpoint)) || !c.Exact || c.Digest != "" || c.Cached {
		t.Errorf("the good source is %+v", c)
	}
	if server.sent.Load() != 0 || blobs(t, options) != 0 {
		t.Errorf("a plan fetched %d bytes", server.sent.Load())
	}
	pulled := pull(t, z, found, zoo.PullOptions{})
	if c := plan(t, z, found); len(c) != 1 || !c[0].Cached || c[0].Digest != pulled.Weights.Digest {
		t.Errorf("after a pull: %+v", c)
	}
	if err := options.Cache.Remove(pulled.Weights.Digest); err != nil {
		t.Fatal(err)
	}
	if c := plan(t, z, found)[1]; !c.Pinned || c.Digest != digest.FromBytes(checkpoint) {
		t.Errorf("after a pull, without weights: %+v", c)
	}
}

func TestPlanOffline(t *testing.T) {
	t.Parallel()
	options := folders(t)
	options.Offline = true
	z := open(t, options)
	candidates := plan(t, z, resolve(t, z, "beit_large_p16_512"))
	if len(candidates) != 4 || candidates[0].Bytes != 1_424_418_912 || candidates[0].Exact {
		t.Fatalf("candidates %+v", candidates)
	}
	for _, c := range candidates {
		if !errors.Is(c.Err, store.ErrUnreachable) {
			t.Errorf("%s: %v", c.Name, c.Err)
		}
	}
}
