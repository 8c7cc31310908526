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

// A blob of unknown digest has no name that others could look for. So whoever copied one leaves its digest in a small file, and who waited
// meanwhile sees that the file is another than before. The file says nothing to anybody who did not wait: the source may have changed since.

func (c *Cache) outcomePath(key string) string {
	return filepath.Join(c.partialDir(), key+".outcome")
}

// outcome is the text of the file, or empty.
func (c *Cache) outcome(key string) string {
	text, err := os.ReadFile(c.outcomePath(key))
	if err != nil {
		return ""
	}
	return string(text)
}

// leaveOutcome is for others' convenience, so a failure is no failure of the copy.
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
