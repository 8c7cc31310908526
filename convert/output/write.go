package output

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

// Options change how Write works. The zero value syncs, reports nothing and checks nothing.
type Options struct {
	// Sums asks for the CRC-32 of each Data part.
	Sums bool
	// Progress is called now and then, from several goroutines, with the bytes of Data written so far and in total.
	Progress func(done, total int64)
	// Check is called with the path of the finished file before it gets its name. An error keeps it from getting it.
	Check func(ctx context.Context, path string) error
	// NoSync leaves it to the system when the bytes reach the disk: faster, but a power cut may leave an incomplete file.
	NoSync bool
	// Workers is the number of parts written at once; 0 takes the number of cores.
	Workers int
}

// Write makes the file at path of parts. On any error, or when ctx ends, the file that was there before is untouched and nothing new
// is left behind. Running out of space is noticed before the first byte is computed, where the file system can reserve space.
func Write(ctx context.Context, path string, parts []Part, options Options) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		file.Close()
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	if err := reserve(file, Total(parts)); err != nil {
		return fmt.Errorf("reserving %d bytes for %s: %w", Total(parts), path, err)
	}
	job := &job{file: file, parts: parts, options: options, total: dataSize(parts), sums: make([]uint32, len(parts))}
	if err := job.run(ctx); err != nil {
		return err
	}
	return finish(ctx, file, path, options)
}

// finish syncs, checks and names the file. Permissions are those of a file made by the user's umask, or of the file that is replaced.
func finish(ctx context.Context, file *os.File, path string, options Options) error {
	mode := fs.FileMode(0o666) &^ umask()
	if old, err := os.Stat(path); err == nil {
		mode = old.Mode().Perm()
	}
	if err := file.Chmod(mode); err != nil {
		return err
	}
	if !options.NoSync {
		if err := file.Sync(); err != nil {
			return err
		}
	}
	if err := file.Close(); err != nil {
		return err
	}
	if options.Check != nil {
		if err := options.Check(ctx, file.Name()); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path), options)
}

// syncFolder makes the new name durable; systems that cannot open a folder do without.
func syncFolder(path string, options Options) error {
	if options.NoSync {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer folder.Close()
	_ = folder.Sync() // Some file systems refuse to sync a folder, and need not.
	return nil
}

func dataSize(parts []Part) int64 {
	var total int64
	for _, p := range parts {
		if p.Data != nil {
			total += p.Size
		}
	}
	return total
}

// job is one Write under way.
type job struct {
	file    *os.File
	parts   []Part
	options Options
	total   int64
	done    atomic.Int64
	sums    []uint32
}
