package pytorch_test

import (
	"encoding/binary"
	"strconv"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive/archivegen"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
)

type writer = picklegen.Writer

// one is a tensor of a generated file.
type one struct {
	name string
	// class, key and count are those of the storage; a nil persist writes them as PyTorch does.
	class   string
	key     string
	count   int
	persist func(w *writer)
	// window is offset, shape and strides.
	offset         int
	shape, strides []int
}

// row is the usual tensor over the storage "0": three float32.
func row(name string) one {
	return one{name: name, class: "FloatStorage", key: "0", count: 3, shape: []int{3}, strides: []int{1}}
}

// write pushes the tensor. more writes the end of the persistent id.
func (o one) write(w *writer, more ...func(w *writer)) {
	w.Call("torch._utils", "_rebuild_tensor_v2", func(w *writer) {
		if o.persist != nil {
			o.persist(w)
		} else {
			w.Tuple(func(w *writer) {
				w.Text("storage").Global("torch", o.class).Text(o.key).Text("cpu").Int(o.count)
				for _, push := range more {
					push(w)
				}
			}).Op('Q')
		}
		w.Int(o.offset).Ints(o.shape...).Ints(o.strides...).Bool(false)
		w.Call("collections", "OrderedDict", func(*writer) {})
	})
}

// object returns a state dict as a pickle. more writes what legacy files have at the end of each persistent id.
func object(tensors []one, more ...func(w *writer)) []byte {
	return picklegen.New(2).Dict(func(w *writer) {
		for _, o := range tensors {
			w.Text(o.name)
			o.write(w, more...)
		}
	}).Stop()
}

// zipped is an archive with the object and records of storages by key; names begin with the folder "m".
func zipped(pickle []byte, storages map[string][]byte, more ...archivegen.Record) archivegen.Archive {
	records := []archivegen.Record{{Name: "m/data.pkl", Content: pickle}}
	for i := range len(storages) + 10 { // in a fixed order
		if raw, ok := storages[strconv.Itoa(i)]; ok {
			records = append(records, archivegen.Record{Name: "m/data/" + strconv.Itoa(i), Content: raw})
		}
	}
	return archivegen.Archive{Records: append(records, more...)}
}

// float3 is a storage of three float32: 1, 2, 3.
var float3 = []byte("\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40")

// block is a storage in a legacy file.
type block struct {
	count uint64
	raw   []byte
}

// legacy is a legacy file. Parts that are nil are made as they belong there.
type legacy struct {
	magic, version, system, object, keys []byte
	blocks                               []block
	tail                                 []byte
}

func (l legacy) bytes() []byte {
	or := func(given []byte, usual *writer) []byte {
		if given != nil {
			return given
		}
		return usual.Stop()
	}
	magic := picklegen.New(2).Op(0x8a, 10).Raw("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")
	system := picklegen.New(2).Dict(func(w *writer) {
		w.Text("protocol_version").Int(1001).Text("little_endian").Bool(true).Text("type_sizes").Dict(func(w *writer) {
			w.Text("short").Int(2).Text("int").Int(4).Text("long").Int(4)
		})
	})
	usual := object([]one{row("w")}, func(w *writer) { w.None() })
	raw := append(or(l.magic, magic), or(l.version, picklegen.New(2).Int(1001))...)
	raw = append(raw, or(l.system, system)...)
	raw = append(raw, or(l.object, picklegen.New(2).Raw(string(usual[2:len(usual)-1])))...)
	raw = append(raw, or(l.keys, picklegen.New(2).List(func(w *writer) { w.Text("0") }))...)
	if l.blocks == nil {
		l.blocks = []block{{3, float3}}
	}
	for _, b := range l.blocks {
		raw = append(binary.LittleEndian.AppendUint64(raw, b.count), b.raw...)
	}
	return append(raw, l.tail...)
}

// keys is the list of storages in a legacy file.
func keys(names ...string) []byte {
	return picklegen.New(2).List(func(w *writer) {
		for _, name := range names {
			w.Text(name)
		}
	}).Stop()
}
