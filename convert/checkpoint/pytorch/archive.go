package pytorch

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Names of records below the archive's only folder.
const (
	objectRecord    = "data.pkl"
	dataFolder      = "data/"
	versionRecord   = "version"
	byteOrderRecord = "byteorder"
	constantsRecord = "constants.pkl" // TorchScript only
)

const (
	// maxObject bounds the pickle of the object; that of a large BEiT has 50 kB.
	maxObject = 64 << 20
	// maxText bounds the records that hold a word.
	maxText = 64
	// newestFormat is the highest version of the archive that PyTorch's own reader accepts.
	newestFormat = 10
)

// zipFile is an archive and the folder in it.
type zipFile struct {
	*archive.Archive
	content []byte
	folder  string
}

// records are what torch.save writes: the records of an archive, or the files of one that was unpacked.
type records interface {
	// get returns a record, by its name below the archive's folder, and its size in bytes; nil if there is none.
	get(name string) (tensor.Data, int64, error)
	// pickle returns the content in which the pickle of the object ends, and where it begins there.
	pickle(record tensor.Data) (content []byte, from int64, err error)
}

func (z *zipFile) get(name string) (tensor.Data, int64, error) {
	record, ok := z.Get(z.folder + name)
	if !ok {
		return nil, 0, nil
	}
	return record, record.Size, nil
}

// pickle returns the file itself where the record is stored, so that errors name the place in it.
func (z *zipFile) pickle(data tensor.Data) ([]byte, int64, error) {
	raw, err := data.Bytes()
	if record, ok := data.(*archive.Record); ok && err == nil && record.Stored() {
		from := record.Start()
		return z.content[:from+record.Size], from, nil
	}
	return raw, 0, err
}

func readArchive(ctx context.Context, content []byte, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	z, err := openArchive(ctx, content)
	if err != nil && isPart(content) {
		return nil, refusePart()
	}
	if err != nil {
		return nil, err
	}
	loaded, err := load(ctx, z)
	if err != nil {
		return nil, err
	}
	opened, err := loaded.storages.checkpoint(loaded.object, int64(len(content)), options)
	if err != nil {
		return nil, err
	}
	opened.Container = "zip archive" + loaded.description(opened)
	return opened, nil
}

// objectIn loads the object in a file of torch.save, whichever container it has.
func objectIn(ctx context.Context, content []byte) (*pickle.Document, *storages, error) {
	switch {
	case isLegacy(content):
		return loadLegacy(ctx, content)
	case !isArchive(content):
		return nil, nil, checkpoint.Errorf(checkpoint.ErrFormat, "no file of torch.save")
	}
	z, err := openArchive(ctx, content)
	if err != nil {
		return nil, nil, err
	}
	loaded, err := load(ctx, z)
	if err != nil {
		return nil, nil, err
	}
	return loaded.object, loaded.storages, nil
}

// description is what a container's description says behind its first words.
func (a *archived) description(opened *checkpoint.Checkpoint) string {
	return fmt.Sprintf("%s, pickle of protocol %d%s", a.version, a.object.Protocol, wholeModule(opened))
}

// archived is the object in an archive, with the storages of its tensors.
type archived struct {
	version  string
	object   *pickle.Document
	storages *storages
}

// load reads the object and finds the storages that it refers to.
func load(ctx context.Context, r records) (*archived, error) {
	version, err := versionOf(r)
	if err != nil {
		return nil, err
	}
	big, err := bigEndian(r)
	if err != nil {
		return nil, err
	}
	loaded := &archived{version: version, storages: newStorages(big)}
	if loaded.object, err = objectOf(ctx, r, loaded.storages); err != nil {
		return nil, err
	}
	return loaded, fill(r, loaded.storages)
}

// wholeModule is what the description of a container says of a whole module, or empty.
func wholeModule(opened *checkpoint.Checkpoint) string {
	if opened.Class == "" {
		return ""
	}
	return ", whole module of class " + text.Quote(opened.Class)
}

// openArchive opens the archive and finds its folder, which is that of the first record.
func openArchive(ctx context.Context, content []byte) (*zipFile, error) {
	opened, err := archive.Open(ctx, content)
	if err != nil {
		return nil, err
	}
	z := &zipFile{Archive: opened, content: content}
	for _, record := range opened.Records {
		folder, _, inside := strings.Cut(record.Name, "/")
		if !inside || z.folder != "" && z.folder != folder+"/" {
			return nil, z.foreign(record.Name)
		}
		z.folder = folder + "/"
	}
	if _, ok := z.Get(z.folder + constantsRecord); ok {
		return nil, scripted()
	}
	if _, ok := z.Get(z.folder + objectRecord); !ok {
		return nil, z.foreign("")
	}
	return z, nil
}

// scripted says that a file is one of TorchScript.
func scripted() error {
	return checkpoint.Unsupported("a TorchScript archive: a traced or scripted program with its weights, not a checkpoint").
		WithHint("save the weights alone: torch.save(module.state_dict(), \"weights.pth\")")
}

// foreign says what an archive is that torch.save did not write. name is that of a record outside of the archive's folder, or empty.
func (z *zipFile) foreign(name string) error {
	for _, record := range z.Records {
		if record.Name == "model.weights.h5" {
			return checkpoint.Errorf(checkpoint.ErrFormat, "a model of Keras (.keras)").
				WithHint("give the PyTorch, safetensors or PaddlePaddle file of the model; weights for BEiT in Keras were converted from one")
		}
		if strings.HasSuffix(record.Name, "/archive_format") || strings.HasSuffix(record.Name, "models/model.json") {
			return checkpoint.Errorf(checkpoint.ErrFormat, "an archive of torch.export (.pt2): an exported program with its weights, not a checkpoint").
				WithHint("save the weights alone: torch.save(torch.export.load(FILE).state_dict, \"weights.pth\")")
		}
		if strings.HasSuffix(record.Name, ".npy") {
			return checkpoint.Errorf(checkpoint.ErrFormat, "an archive of NumPy arrays (.npz), not of PyTorch").
				WithHint("give the checkpoint of the model itself, or save the arrays by their names: safetensors.numpy.save_file(dict(numpy.load(FILE)), OUTPUT)")
		}
	}
	for _, record := range z.Records {
		if strings.HasSuffix(record.Name, "/"+objectRecord) && name != "" {
			return checkpoint.Malformed("a zip archive with more than one folder: %.200q lies outside of %.200q", name, z.folder)
		}
	}
	return checkpoint.Errorf(checkpoint.ErrFormat, "a zip archive without the record data.pkl that torch.save writes").
		WithHint("if weights are packed in it, unpack it and give them")
}

// versionOf returns ", format N", or "" if the archive does not say.
func versionOf(r records) (string, error) {
	text, err := word(r, versionRecord)
	if err != nil || text == "" {
		return "", err
	}
	number, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if err != nil {
		return "", checkpoint.Malformed("the record %q is not a number", versionRecord)
	}
	if number > newestFormat {
		return "", checkpoint.Unsupported("format %d of PyTorch's archives; %d is the highest known", number, newestFormat)
	}
	return fmt.Sprintf(", format %d", number), nil
}

// bigEndian reports whether the elements are big-endian. Archives without the record are little-endian.
func bigEndian(r records) (bool, error) {
	text, err := word(r, byteOrderRecord)
	if err != nil {
		return false, err
	}
	if text != "" && text != "little" && text != "big" {
		return false, checkpoint.Malformed("the byte order should be %q or %q, and is %.20q", "little", "big", text)
	}
	return text == "big", nil
}

// word reads a short record, or returns "" if there is none.
func word(r records, name string) (string, error) {
	record, size, err := r.get(name)
	if err != nil || record == nil {
		return "", err
	}
	if size > maxText {
		return "", checkpoint.Malformed("the record %q has %d bytes; %d is the limit", name, size, maxText)
	}
	raw, err := record.Bytes()
	return string(raw), err
}

// objectOf loads the pickle of the object, which must fill its record.
func objectOf(ctx context.Context, r records, s *storages) (*pickle.Document, error) {
	record, size, err := r.get(objectRecord)
	if err != nil {
		return nil, err
	}
	if record == nil {
		return nil, checkpoint.Malformed("the record %q is missing", objectRecord)
	}
	if size > maxObject {
		return nil, checkpoint.Unsafe("the record data.pkl has %d bytes; %d is the limit", size, maxObject)
	}
	if packed, ok := record.(*archive.Record); ok && !packed.Stored() {
		if err := checkpoint.Spend(ctx, size/checkpoint.EffortBytes); err != nil {
			return nil, err
		}
	}
	content, from, err := r.pickle(record)
	if err != nil {
		return nil, err
	}
	document, err := pickle.Load(ctx, content, from, pickle.Options{Persistent: s.persistent})
	if err != nil {
		return nil, err
	}
	if document.End != int64(len(content)) {
		return nil, checkpoint.Malformed("%d bytes follow the pickle in data.pkl", int64(len(content))-document.End).At(document.End)
	}
	return document, nil
}

// fill finds the record of every storage that the pickle refers to.
func fill(r records, s *storages) error {
	for _, key := range s.keys {
		record, size, err := r.get(dataFolder + key)
		if err != nil {
			return err
		}
		if record == nil {
			return checkpoint.Malformed("the archive has no record %.200q, which the pickle refers to", dataFolder+key)
		}
		if want := s.size(key); size != want {
			return checkpoint.Malformed("the record %.200q has %d bytes, where the pickle says %d", dataFolder+key, size, want)
		}
		s.data[key] = record
	}
	return nil
}
