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

// Other processes cannot look for a blob whose digest they do not know. So a process that has copied one writes its digest to a small file, and a
// process that waited for the lock sees that the file changed. For others it means nothing: the source may have changed since.

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

// leaveOutcome writes the file. A failure is ignored: another process will only copy again.
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
