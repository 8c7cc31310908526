package checkpoint

import (
	"bytes"
	"errors"
	"path/filepath"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/jsonscan"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// maxIndexSize is far above what a model of this family needs, in bytes.
const maxIndexSize = 16 << 20

// readIndex returns the tensor names by shard. Shard names must be plain names of files in the index's own folder.
func readIndex(path string) (map[string][]string, error) {
	if err := Regular(path); err != nil {
		return nil, err
	}
	raw, err := disk.ReadFile(path, maxIndexSize)
	var large *disk.TooLargeError
	if errors.As(err, &large) {
		return nil, Unsafe("the index has more than %d bytes", large.Limit)
	}
	if err != nil {
		return nil, err
	}
	shards, err := parseIndex(raw)
	if err != nil {
		return nil, err
	}
	return shards, checkShards(filepath.Dir(path), shards)
}

// parseIndex reads {"weight_map": {tensor: shard}}. It ignores the rest, such as the total size, which programs compute differently if weights are
// tied.
func parseIndex(raw []byte) (map[string][]string, error) {
	if !utf8.Valid(raw) {
		return nil, Malformed("the index is not UTF-8")
	}
	s := jsonscan.New(raw, func(_ int64, reason string) error { return Malformed("the index: %s", reason) })
	var shards map[string][]string
	err := s.Object(func(key string) error {
		if key != "weight_map" {
			return s.Skip()
		}
		shards = map[string][]string{}
		return s.Object(func(name string) error {
			shard, err := s.Text()
			shards[shard] = append(shards[shard], name)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(raw[s.Offset():])) > 0 {
		return nil, Malformed("something follows the JSON of the index")
	}
	return shards, nil
}
