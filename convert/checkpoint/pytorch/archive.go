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
	folder string
}

func readArchive(ctx context.Context, content []byte, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	z, err := openArchive(ctx, content)
	if err != nil {
		return nil, err
	}
	version, err := z.version()
	if err != nil {
		return nil, err
	}
	big, err := z.bigEndian()
	if err != nil {
		return nil, err
	}
	s := newStorages(big)
	object, err := z.object(ctx, content, s)
	if err != nil {
		return nil, err
	}
	if err := z.fill(s); err != nil {
		return nil, err
	}
	opened, err := s.checkpoint(object, int64(len(content)), options)
	if err != nil {
		return nil, err
	}
	opened.Container = fmt.Sprintf("zip archive%s, pickle of protocol %d%s", version, object.Protocol, wholeModule(opened))
	return opened, nil
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
	z := &zipFile{Archive: opened}
	for _, record := range opened.Records {
		folder, _, inside := strings.Cut(record.Name, "/")
		if !inside || z.folder != "" && z.folder != folder+"/" {
			return nil, z.foreign(record.Name)
		}
		z.folder = folder + "/"
	}
	if _, ok := z.Get(z.folder + constantsRecord); ok {
		return nil, checkpoint.Unsupported("a TorchScript archive: a traced or scripted program with its weights, not a checkpoint").
			WithHint("save the weights alone: torch.save(module.state_dict(), \"weights.pth\")")
	}
	if _, ok := z.Get(z.folder + objectRecord); !ok {
		return nil, z.foreign("")
	}
	return z, nil
}

// foreign says what an archive is that torch.save did not write. name is that of a record outside of the archive's folder, or empty.
func (z *zipFile) foreign(name string) error {
	for _, record := range z.Records {
		if strings.HasSuffix(record.Name, ".npy") {
			return checkpoint.Errorf(checkpoint.ErrFormat, "an archive of NumPy arrays (.npz), not of PyTorch").
				WithHint("give the checkpoint of the model itself")
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

// version returns ", format N", or "" if the archive does not say.
func (z *zipFile) version() (string, error) {
	text, err := z.text(versionRecord)
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
func (z *zipFile) bigEndian() (bool, error) {
	text, err := z.text(byteOrderRecord)
	if err != nil {
		return false, err
	}
	if text != "" && text != "little" && text != "big" {
		return false, checkpoint.Malformed("the byte order should be %q or %q, and is %.20q", "little", "big", text)
	}
	return text == "big", nil
}

// text reads a short record, or returns "" if there is none.
func (z *zipFile) text(name string) (string, error) {
	record, ok := z.Get(z.folder + name)
	if !ok {
		return "", nil
	}
	if record.Size > maxText {
		return "", checkpoint.Malformed("the record %q has %d bytes; %d is the limit", name, record.Size, maxText)
	}
	raw, err := record.Bytes()
	return string(raw), err
}

// object loads the pickle of the object, which must fill its record.
func (z *zipFile) object(ctx context.Context, content []byte, s *storages) (*pickle.Document, error) {
	record, _ := z.Get(z.folder + objectRecord)
	if record.Size > maxObject {
		return nil, checkpoint.Unsafe("the record data.pkl has %d bytes; %d is the limit", record.Size, maxObject)
	}
	raw, err := record.Bytes()
	if err != nil {
		return nil, err
	}
	from := int64(0)
	if record.Stored() { // so that errors name the place in the file
		from = record.Start()
		raw = content[:from+record.Size]
	}
	document, err := pickle.Load(ctx, raw, from, pickle.Options{Persistent: s.persistent})
	if err != nil {
		return nil, err
	}
	if document.End != int64(len(raw)) {
		return nil, checkpoint.Malformed("%d bytes follow the pickle in data.pkl", int64(len(raw))-document.End).At(document.End)
	}
	return document, nil
}

// fill finds the record of every storage that the pickle refers to.
func (z *zipFile) fill(s *storages) error {
	for _, key := range s.keys {
		record, ok := z.Get(z.folder + dataFolder + key)
		if !ok {
			return checkpoint.Malformed("the archive has no record %.200q, which the pickle refers to", dataFolder+key)
		}
		if want := s.size(key); record.Size != want {
			return checkpoint.Malformed("the record %.200q has %d bytes, where the pickle says %d", dataFolder+key, record.Size, want)
		}
		s.data[key] = record
	}
	return nil
}
