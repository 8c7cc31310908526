package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"unicode/utf8"
)

// maxIndexSize is far above what a model of this family needs, in bytes.
const maxIndexSize = 16 << 20

// readIndex gives the tensor names by shard. Shard names must be plain names of files in the index's own folder.
func readIndex(path string) (map[string][]string, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxIndexSize+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxIndexSize {
		return nil, Unsafe("the index has more than %d bytes", maxIndexSize)
	}
	shards, err := parseIndex(raw)
	if err != nil {
		return nil, err
	}
	return shards, checkShards(filepath.Dir(path), shards)
}

// parseIndex reads {"weight_map": {tensor: shard}} and passes over the rest: the total size that stands beside it counts tied weights in ways
// of its own.
func parseIndex(raw []byte) (map[string][]string, error) {
	if !utf8.Valid(raw) {
		return nil, Malformed("the index is not UTF-8")
	}
	p := &indexParser{decoder: json.NewDecoder(bytes.NewReader(raw))}
	var shards map[string][]string
	err := p.object(func(key string) error {
		if key != "weight_map" {
			var passed json.RawMessage
			return p.decoder.Decode(&passed)
		}
		shards = map[string][]string{}
		return p.object(func(name string) error {
			var shard *string
			if err := p.decoder.Decode(&shard); err != nil {
				return err
			}
			if shard == nil {
				return Malformed("the index maps tensor %.1024q to null", name)
			}
			shards[*shard] = append(shards[*shard], name)
			return nil
		})
	})
	if err == nil {
		_, err = p.decoder.Token()
	}
	if errors.Is(err, io.EOF) {
		return shards, nil
	}
	if err == nil {
		err = Malformed("something follows the JSON of the index")
	}
	return nil, indexError(err)
}

// indexError makes an *Error of what package json says.
func indexError(err error) error {
	var problem *Error
	if errors.As(err, &problem) {
		return problem
	}
	return Malformed("the index is not the JSON it should be: %s", err)
}

// indexParser sees keys that occur twice, which json.Unmarshal does not.
type indexParser struct{ decoder *json.Decoder }

// object reads { key: value, ... } and calls value for each key, which must read what belongs to it.
func (p *indexParser) object(value func(key string) error) error {
	if err := p.delimiter('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.decoder.More() {
		token, err := p.decoder.Token()
		if err != nil {
			return unexpected(err)
		}
		key, _ := token.(string) // nothing else can be a key
		if seen[key] {
			return Malformed("the index has %.1024q twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return unexpected(err)
		}
	}
	return unexpected(p.delimiter('}'))
}

func (p *indexParser) delimiter(want json.Delim) error {
	token, err := p.decoder.Token()
	if err != nil {
		return unexpected(err)
	}
	if token != want {
		return Malformed("the index is not the JSON it should be: no %q where one is expected", want.String())
	}
	return nil
}

// unexpected is for ends in the middle, so that they are not taken for the end of the index.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
