package store_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// benchSize is large enough that the start of a program does not matter.
const benchSize = 256 << 20

// BenchmarkDigest compares the check of a file, chunk by chunk on all cores, with openssl, which uses one. Divide by the number of cores
// (-cpu 1) for the speed of one.
func BenchmarkDigest(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	content := storetest.Random(benchSize, 1)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	blob := storetest.Describe(content, store.DefaultChunkSize)
	b.Run("memory, one core", func(b *testing.B) {
		b.SetBytes(benchSize)
		for b.Loop() {
			sha256.Sum256(content)
		}
	})
	b.Run("file, all cores", func(b *testing.B) {
		b.SetBytes(benchSize)
		for b.Loop() {
			if err := store.Verify(b.Context(), file, benchSize, blob); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("openssl", func(b *testing.B) { benchCommand(b, "openssl", "dgst", "-sha256", path) })
}

// benchCommand times a program, where the machine has it.
func benchCommand(b *testing.B, name string, arguments ...string) {
	program, err := exec.LookPath(name)
	if err != nil {
		b.Skipf("no %s to compare with", name)
	}
	b.SetBytes(benchSize)
	for b.Loop() {
		if output, err := exec.CommandContext(b.Context(), program, arguments...).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, output)
		}
	}
}

// BenchmarkCopy pulls a file from a server in this process into a cache, all digests checked and synced to the disk; compare with the sum of
// curl, openssl and cp of the same file.
func BenchmarkCopy(b *testing.B) {
	content := storetest.Random(benchSize, 1)
	served := b.TempDir()
	if err := os.WriteFile(filepath.Join(served, "weights"), content, 0o600); err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(served)))
	defer server.Close()
	address := server.URL + "/weights"
	blob := storetest.Describe(content, store.DefaultChunkSize)
	src, err := httpstore.New(address, httpstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(src.CloseIdleConnections)
	dir := b.TempDir()
	b.Run("pull", func(b *testing.B) {
		b.SetBytes(benchSize)
		for b.Loop() {
			c, err := cache.New(filepath.Join(dir, "cache"), cache.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := store.Copy(b.Context(), src, c, blob, store.Options{}); err != nil {
				b.Fatal(err)
			}
			if err := c.Remove(blob.Digest); err != nil {
				b.Fatal(err)
			}
		}
	})
	curled, copied := filepath.Join(dir, "curled"), filepath.Join(dir, "copied")
	b.Run("curl", func(b *testing.B) { benchCommand(b, "curl", "--silent", "--fail", "--output", curled, address) })
	b.Run("openssl", func(b *testing.B) { benchCommand(b, "openssl", "dgst", "-sha256", curled) })
	b.Run("cp", func(b *testing.B) { benchCommand(b, "cp", curled, copied) })
}

// BenchmarkVerifier measures the cost of reading through a Verifier, on one core.
func BenchmarkVerifier(b *testing.B) {
	content := storetest.Random(16<<20, 1)
	for name, blob := range map[string]store.Blob{"whole": storetest.Describe(content, 0), "chunks": storetest.Describe(content, store.DefaultChunkSize)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, err := io.Copy(io.Discard, store.NewVerifier(bytes.NewReader(content), blob, "")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
