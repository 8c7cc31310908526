package pytorch

import (
	"context"
	"errors"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/tensor"
)

// unpacked is the kind of a folder into which an archive of torch.save was unpacked.
var unpacked = checkpoint.FolderKind{
	Match: func(folder *checkpoint.Folder) bool {
		_, ok := unpackedIn(folder)
		return ok
	},
	Member: func(name string) bool { return name == objectRecord },
	Read: func(ctx context.Context, folder *checkpoint.Folder, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
		prefix, _ := unpackedIn(folder)
		return readUnpacked(ctx, files{folder, prefix}, options)
	},
}

// mostEntries is in how many entries of a folder the files of an archive are looked for.
const mostEntries = 20

// unpackedIn finds the files of an archive: in the folder itself, or in the only one of its folders that has them, which is that of the archive. It returns the
// path to it.
func unpackedIn(folder *checkpoint.Folder) (prefix string, ok bool) {
	if folder.Has(objectRecord) {
		return "", folder.Has(strings.TrimSuffix(dataFolder, "/")) || folder.Has(versionRecord)
	}
	names := folder.Names()
	if len(names) > mostEntries {
		return "", false
	}
	found := 0
	for _, name := range names {
		if folder.HasFile(name+"/"+objectRecord) && folder.HasFile(name+"/"+versionRecord) {
			prefix = name + "/"
			found++
		}
	}
	return prefix, found == 1
}

// files are the records of an archive that was unpacked.
type files struct {
	folder *checkpoint.Folder
	prefix string
}

func (f files) get(name string) (tensor.Data, int64, error) {
	content, err := f.folder.Content(f.prefix + name)
	if checkpoint.Missing(err) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	return tensor.Memory(content), int64(len(content)), nil
}

func (f files) pickle(record tensor.Data) ([]byte, int64, error) {
	content, err := record.Bytes()
	return content, 0, err
}

func readUnpacked(ctx context.Context, f files, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	if program, _, err := f.get(constantsRecord); program != nil || err != nil {
		if err != nil {
			return nil, err
		}
		return nil, scripted()
	}
	loaded, err := load(ctx, f)
	if err != nil {
		var problem *checkpoint.Error
		if errors.As(err, &problem) && errors.Is(err, checkpoint.ErrMalformed) && problem.Advice == "" {
			problem.Advice = "unpack the archive again, with all its files, or give the archive itself"
		}
		return nil, err
	}
	opened, err := loaded.storages.checkpoint(loaded.object, f.folder.Size(), options)
	if err != nil {
		return nil, err
	}
	opened.Container = "unpacked zip archive" + loaded.description(opened)
	return opened, nil
}
