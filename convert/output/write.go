package output

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/internal/disk"
)

// Options change how Write works. The zero value syncs, reports nothing and checks nothing.
type Options struct {
	// Progress is called now and then with the bytes of Data written so far, which never decrease, and in total. Calls never overlap.
	Progress func(done, total int64)
	// Check is called with the path of the finished file before it gets its name. An error keeps it from getting it.
	Check func(ctx context.Context, path string) error
	// NoSync leaves it to the system when the bytes reach the disk: faster, but a power cut may leave an incomplete file.
	NoSync bool
}

// NotFileError says that there is something at the path that is not a file. Only a file is replaced.
type NotFileError = disk.NotFileError

// Write writes parts to the file at path. On any error, or when ctx ends, the file that was there before is untouched and nothing new
// is left behind. Running out of space is noticed before the first byte is computed, where the file system can reserve space. A symbolic
// link at path is replaced, not followed. The parts may read from the file that is replaced: its content stays readable for whoever has it open.
func Write(ctx context.Context, path string, parts []Part, options Options) (err error) {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	mode, err := targetMode(path)
	if err != nil {
		return err
	}
	file, err := disk.CreatePartial(path)
	if err != nil {
		return err
	}
	defer func() {
		file.Close()
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	if err := disk.Reserve(file, Total(parts)); err != nil {
		return fmt.Errorf("reserving %d bytes: %w", Total(parts), &disk.TargetError{Path: path, Err: err})
	}
	if err := newJob(file, parts, options).run(ctx); err != nil {
		if about := disk.WriteError(path, file, err); !errors.Is(err, about) {
			return about
		}
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return finish(ctx, file, mode, path, options)
}

// targetMode returns the permissions for the new file: those of the file that is replaced, or what the user's umask leaves.
func targetMode(path string) (fs.FileMode, error) {
	old, err := os.Stat(path)
	if err != nil {
		return 0o666 &^ umask(), nil
	}
	if !old.Mode().IsRegular() {
		return 0, &NotFileError{Path: path, Mode: old.Mode()}
	}
	return old.Mode().Perm(), nil
}

// finish syncs, checks and names the file.
func finish(ctx context.Context, file *os.File, mode fs.FileMode, path string, options Options) error {
	if err := file.Chmod(mode); err != nil {
		return disk.AtTarget(path, err)
	}
	if !options.NoSync {
		if err := file.Sync(); err != nil {
			return disk.AtTarget(path, err)
		}
	}
	if options.Check != nil {
		if err := options.Check(ctx, file.Name()); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := disk.Publish(file, path); err != nil {
		return err
	}
	if !options.NoSync {
		disk.SyncFolder(filepath.Dir(path))
	}
	return nil
}
