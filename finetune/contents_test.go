package finetune_test

import (
	"archive/tar"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/finetune"
)

// TestReadContents compares what is read of a folder with what is read of copies of it, changed in one thing each, and of a tar.
func TestReadContents(t *testing.T) {
	t.Parallel()
	read := func(source string) *finetune.Contents {
		t.Helper()
		found, err := finetune.ReadContents(t.Context(), matched(t, source), finetune.ReadOptions{Decode: true})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	whole := read(images)
	if whole.Len() != 360 || whole.Shared(whole) != 360 {
		t.Errorf("%d pictures, of which %d are the same", whole.Len(), whole.Shared(whole))
	}
	if tar := read("../testdata/tokenizer/digits_train.tar.gz"); tar.Len() != 1437 || tar.Shared(whole) > 0 {
		t.Errorf("%d pictures in the tar, %d of them those to test on", tar.Len(), tar.Shared(whole))
	}
	var examples []dataset.Example
	for example, err := range matched(t, images).Examples(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		examples = append(examples, example)
	}
	examples[7].Class++
	other, err := finetune.ReadContents(t.Context(), dataset.NewList(images, examples, dataset.Mapping{}), finetune.ReadOptions{})
	if err != nil || other.Digest == whole.Digest {
		t.Errorf("a picture of another class changes nothing: %v", err)
	}
	for name, change := range map[string]func(folder string) error{
		"nothing": func(string) error { return nil },
		"time":    func(folder string) error { return os.Chtimes(first(folder, "3"), time.Unix(1e9, 0), time.Unix(1e9, 0)) },
		"bytes":   func(folder string) error { return copyFile(first(folder, "3"), first(folder, "4")) },
		"folder":  func(folder string) error { return os.Rename(first(folder, "3"), filepath.Join(folder, "4", "new.png")) },
		"name":    func(folder string) error { return os.Rename(first(folder, "3"), filepath.Join(folder, "3", "0.png")) },
	} {
		folder := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(folder, os.DirFS(images)); err != nil {
			t.Fatal(err)
		}
		if err := change(folder); err != nil {
			t.Fatal(err)
		}
		got := read(folder)
		if same := name == "nothing" || name == "time"; (got.Digest == whole.Digest) != same || got.Shared(whole) != 360 {
			t.Errorf("%s: %s, %d shared; as it was %s", name, got.Digest, got.Shared(whole), whole.Digest)
		}
		if name != "nothing" {
			continue
		}
		packed := filepath.Join(t.TempDir(), "same.tar")
		pack(t, packed, folder)
		if tar := read(packed); tar.Shared(whole) != 360 {
			t.Errorf("of the same pictures in a tar %d are the same", tar.Shared(whole))
		}
	}
}

// first returns the path of the first picture of a class.
func first(folder, class string) string {
	files, err := filepath.Glob(filepath.Join(folder, class, "*.png"))
	if err != nil || files == nil {
		panic(folder + " has no pictures")
	}
	return files[0]
}

func copyFile(to, from string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o600)
}

// pack makes a tar file of a folder.
func pack(t *testing.T, path, folder string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(file)
	if err := errors.Join(w.AddFS(os.DirFS(folder)), w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestReadContents_Unreadable makes sure that all pictures that can't be decoded are named, however much of them can.
func TestReadContents_Unreadable(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(folder, os.DirFS(images)); err != nil {
		t.Fatal(err)
	}
	cut, empty := first(folder, "3"), first(folder, "7")
	raw, err := os.ReadFile(cut)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(cut, raw[:len(raw)*2/3], 0o600), os.WriteFile(empty, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	set := matched(t, folder)
	_, err = finetune.ReadContents(t.Context(), set, finetune.ReadOptions{Decode: true})
	unread := (*classify.UnreadError)(nil)
	if !errors.As(err, &unread) || len(unread.Failures) != 2 || unread.Total != 360 || filepath.Base(unread.Failures[1].Path) != filepath.Base(empty) {
		t.Fatal(err)
	}
	calls := 0
	if _, err := finetune.ReadContents(t.Context(), set, finetune.ReadOptions{Progress: func(done, of int) {
		if calls++; of != 360 || done != []int{256, 360}[calls-1] {
			t.Errorf("%d of %d", done, of)
		}
	}}); err != nil || calls != 2 {
		t.Errorf("without decoding: %v", err)
	}
}
