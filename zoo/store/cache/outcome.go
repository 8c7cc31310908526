package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// outcomePath returns the file with the digest of the blob that was last copied under a key that is not a digest. A process that waited for the lock sees
// by a change of the file that the blob was copied meanwhile, and which one it is. Nobody else uses the file: the source may have changed since.
func (c *Cache) outcomePath(key string) string {
	return filepath.Join(c.partialDir(), key+".outcome")
}

// outcome returns the text of the file, or "".
func (c *Cache) outcome(key string) string {
	text, err := os.ReadFile(c.outcomePath(key))
	if err != nil {
		return ""
	}
	return string(text)
}

// leaveOutcome writes the file. It ignores a failure, which only makes another process copy again.
func (c *Cache) leaveOutcome(key string, blob digest.Digest) {
	_ = c.folder().WriteFile(c.outcomePath(key), fmt.Appendf(nil, "%s %d\n", blob, time.Now().UnixNano()))
}

func digestOfOutcome(text string) digest.Digest {
	word, _, _ := strings.Cut(text, " ")
	blob, err := store.ParseDigest(word)
	if err != nil {
		return ""
	}
	return blob
}
