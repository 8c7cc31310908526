package pytorch

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/tensor"
)

// legacyVersion is the second pickle of a legacy file, which is five pickles and the storages, with nothing in between. The first pickle is
// framework.TorchMagic.
const legacyVersion = 1001

// isLegacy looks for the magic number behind PROTO, and behind FRAME where there is one.
func isLegacy(content []byte) bool {
	if len(content) < 2 || content[0] != opcode.Proto {
		return false
	}
	rest := content[2:]
	if len(rest) > 9 && rest[0] == opcode.Frame {
		rest = rest[9:]
	}
	return bytes.HasPrefix(rest, framework.TorchMagicPickle())
}

// stream reads a legacy file from front to back.
type stream struct {
	content  []byte
	at       int64
	storages *storages
}

func readLegacy(ctx context.Context, content []byte, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	object, storages, err := loadLegacy(ctx, content)
	if err != nil {
		return nil, err
	}
	opened, err := storages.checkpoint(object, int64(len(content)), options)
	if err != nil {
		return nil, err
	}
	opened.Container = fmt.Sprintf("stream of pickles (PyTorch before 1.6), protocol %d%s", object.Protocol, wholeModule(opened))
	return opened, nil
}

// loadLegacy reads the object of a file and finds the storages that it refers to.
func loadLegacy(ctx context.Context, content []byte) (*pickle.Document, *storages, error) {
	// PyTorch writes little-endian elements on every machine; what the file says of the machine does not matter.
	l := &stream{content: content, storages: newStorages(false)}
	if err := l.head(ctx); err != nil {
		return nil, nil, err
	}
	object, err := l.pickle(ctx, l.storages.persistent)
	if err != nil {
		return nil, nil, err
	}
	return object, l.storages, l.data(ctx)
}

// pickle loads the next pickle.
func (l *stream) pickle(ctx context.Context, persistent func(pickle.Value) (pickle.Value, error)) (*pickle.Document, error) {
	document, err := pickle.Load(ctx, l.content, l.at, pickle.Options{Persistent: persistent})
	if err != nil {
		return nil, err
	}
	l.at = document.End
	return document, nil
}

// head reads the magic number, the version, and the dict that describes the writer's machine.
func (l *stream) head(ctx context.Context) error {
	want := framework.TorchMagic()
	checks := []struct {
		what  string
		right func(pickle.Value) bool
	}{
		{"the magic number", func(v pickle.Value) bool { n, ok := v.(*big.Int); return ok && n.Cmp(want) == 0 }},
		{"version 1001", func(v pickle.Value) bool { return v == pickle.Value(int64(legacyVersion)) }},
		{"the description of a machine", func(v pickle.Value) bool { _, ok := v.(*pickle.Dict); return ok }},
	}
	for _, check := range checks {
		at := l.at
		document, err := l.pickle(ctx, nil)
		if err != nil {
			return err
		}
		if !check.right(document.Root) {
			return checkpoint.Malformed("a pickle that is not %s", check.what).At(at)
		}
	}
	return nil
}

// data reads the list of keys and the storages in their order, which must end with the file.
func (l *stream) data(ctx context.Context) error {
	at := l.at
	document, err := l.pickle(ctx, nil)
	if err != nil {
		return err
	}
	list, ok := document.Root.(*pickle.List)
	if !ok {
		return checkpoint.Malformed("a pickle that is not the list of storages").At(at)
	}
	for _, item := range list.Items {
		key, ok := item.(string)
		if !ok {
			return checkpoint.Malformed("the list of storages has an item that is not a text").At(at)
		}
		if err := l.storage(key); err != nil {
			return err.At(l.at)
		}
	}
	for _, key := range l.storages.keys {
		if l.storages.data[key] == nil {
			return checkpoint.Malformed("the list of storages lacks %.200q, which a tensor refers to", key).At(at)
		}
	}
	if rest := int64(len(l.content)) - l.at; rest != 0 {
		return checkpoint.Malformed("%d bytes follow the last storage", rest).At(l.at)
	}
	return nil
}

// storage reads a count of elements and the elements.
func (l *stream) storage(key string) *checkpoint.Error {
	known, ok := l.storages.known[key]
	if !ok {
		return checkpoint.Malformed("the storage %.200q belongs to no tensor", key)
	}
	if l.storages.data[key] != nil {
		return checkpoint.Malformed("the storage %.200q comes twice", key)
	}
	size, left := l.storages.size(key), int64(len(l.content))-l.at
	if left < 8 || size > left-8 {
		return checkpoint.Malformed("the storage %.200q needs %d bytes and %d are left", key, size, left)
	}
	if count := binary.LittleEndian.Uint64(l.content[l.at:]); count != uint64(known.Count) {
		return checkpoint.Malformed("the storage %.200q has %d elements, where the pickle says %d", key, count, known.Count)
	}
	begin := l.at + 8
	l.at = begin + size
	l.storages.data[key] = tensor.Memory(l.content[begin:l.at:l.at])
	return nil
}
