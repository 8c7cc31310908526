package zoo_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// sources returns a manifest of the digits model without digests, with the sources passl (written by PaddlePaddle) and unilm (written by torch).
func sources(t testing.TB, passl, unilm, more string) *zoo.Match {
	t.Helper()
	found := given(t,
		"address: embedded:digits_p16_64.pdparams", "address: "+passl,
		"    digest: "+string(digest.FromBytes(shipped(t, embedded.Checkpoint)))+"\n", more,
		"    size: 504172\n", "")
	found.Sources[0].Name = "passl"
	second := found.Sources[0]
	second.Name, second.Address, second.Format, second.Scheme = "unilm", unilm, "pytorch", "unilm"
	found.Sources = append(found.Sources, second)
	found.Tensors = nil // else these say which source is wrong
	return found
}

// rounded returns the bfloat16 weights as float32, in PaddlePaddle's format.
func rounded(t testing.TB) []byte {
	t.Helper()
	target := filepath.Join(t.TempDir(), "rounded.pdparams")
	options := convert.Options{DType: tensor.F32}
	if _, err := convert.Convert(t.Context(), filepath.Join("..", "testdata", "digits", "digits_p16_64.bf16.pth"), target, options); err != nil {
		t.Fatal(err)
	}
	return read(t, target)
}

// TestCrossCheck compares weights that two frameworks wrote independently, and weights of which one source has other bits.
func TestCrossCheck(t *testing.T) {
	t.Parallel()
	server := serve(t, map[string][]byte{
		"passl": shipped(t, embedded.Checkpoint), "rounded": rounded(t), "unilm": testdata(t, "digits/digits_p16_64.unilm.pth"), "half": testdata(t, "digits/digits_p16_64.bf16.pth"),
	})
	z := open(t, folders(t))
	all, err := z.CrossCheck(t.Context(), sources(t, server.URL+"/passl", server.URL+"/unilm", ""), zoo.PullOptions{})
	if err != nil || len(all) != 2 || all[0].Weights.Digest != all[1].Weights.Digest || all[0].Checkpoint.Digest == all[1].Checkpoint.Digest {
		t.Errorf("the same weights in two files: %+v, %v", all, err)
	}

	z = open(t, folders(t))
	other := sources(t, server.URL+"/passl", server.URL+"/half", "")
	all, err = z.CrossCheck(t.Context(), other, zoo.PullOptions{})
	var disagree *zoo.SourcesDisagreeError
	if !errors.As(err, &disagree) || disagree.Source != "unilm" || disagree.Other != "passl" || !errors.Is(err, errdef.ErrIntegrity) || all[1].Err == nil {
		t.Errorf("other weights in one of two files: %+v, %v", all, err)
	}
	if _, err := z.Pull(t.Context(), other, zoo.PullOptions{Source: "unilm"}); !errors.As(err, &disagree) {
		t.Errorf("pull of the source that disagrees: %v", err)
	}
	if _, err := z.Pull(t.Context(), other, zoo.PullOptions{Source: "unilm", Repin: true}); err != nil {
		t.Errorf("pull of the source that disagrees, accepted: %v", err)
	}

	z = open(t, folders(t))
	all, err = z.CrossCheck(t.Context(), sources(t, server.URL+"/rounded", server.URL+"/half", ""), zoo.PullOptions{})
	if err != nil || all[0].Weights.Size == all[1].Weights.Size {
		t.Errorf("the same numbers in float32 and bfloat16: %+v, %v", all, err)
	}

	z = open(t, folders(t))
	_, err = z.CrossCheck(t.Context(), sources(t, server.URL+"/passl", server.URL+"/nowhere", ""), zoo.PullOptions{})
	if few := (*zoo.CrossCheckError)(nil); !errors.As(err, &few) || few.Compared != 1 || errors.Is(err, errdef.ErrUsage) || !errors.Is(err, store.ErrNotFound) {
		t.Errorf("one source can't be read: %v", err)
	}
	_, err = z.CrossCheck(t.Context(), upstream(t, server.URL+"/passl"), zoo.PullOptions{})
	if !errors.Is(err, errdef.ErrUsage) {
		t.Errorf("one source in all: %v", err)
	}
}

// TestPull_DigestPrefix pulls a file of which the publisher states the first digits of the digest.
func TestPull_DigestPrefix(t *testing.T) {
	t.Parallel()
	checkpoint := shipped(t, embedded.Checkpoint)
	prefix := digest.FromBytes(checkpoint).Encoded()[:8]
	server := serve(t, map[string][]byte{"passl": checkpoint, "unilm": testdata(t, "digits/digits_p16_64.unilm.pth"), "other": append(bytes.Clone(checkpoint), 0)})
	options := folders(t)
	z := open(t, options)
	stated := "    digest_prefix: " + prefix + "\n"
	_, err := z.Pull(t.Context(), sources(t, server.URL+"/other", server.URL+"/nowhere", stated), zoo.PullOptions{Source: "passl"})
	var prefixed *zoo.PrefixError
	if !errors.As(err, &prefixed) || prefixed.Want != prefix || !errors.Is(err, errdef.ErrIntegrity) || !strings.Contains(err.Error(), prefix) {
		t.Errorf("a file with another digest: %v", err)
	}
	if blobs(t, options) != 0 {
		t.Errorf("%d blobs are left", blobs(t, options))
	}
	if pulled := pull(t, z, sources(t, server.URL+"/passl", server.URL+"/nowhere", stated), zoo.PullOptions{Source: "passl"}); pulled.Pinned == nil {
		t.Error("the rest of the digest is not pinned")
	}
}
