package output

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// ErrFault says that reading an input failed in the middle, most likely because its file was cut short meanwhile.
var ErrFault = errors.New("the input became unreadable while it was read; was the file changed?")

// job is one Write under way.
type job struct {
	file    *os.File
	parts   []Part
	options Options
	total   int64
	done    atomic.Int64
	sums    []uint32
	summed  bool
}

func newJob(file *os.File, parts []Part, options Options) *job {
	return &job{
		file: file, parts: parts, options: options,
		total: dataSize(parts), sums: make([]uint32, len(parts)), summed: needSums(parts),
	}
}

// run writes all Data at once with several workers, then the parts that Fill makes.
func (j *job) run(ctx context.Context) error {
	workers := j.options.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	at := int64(0)
	for i, part := range j.parts {
		if start := at; part.Data != nil {
			group.Go(func() error { return j.stream(ctx, i, start) })
		}
		at += part.Size
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return j.fill()
}

// fill writes the parts that could not be known before all Data was.
func (j *job) fill() error {
	at := int64(0)
	for i, part := range j.parts {
		if part.Fill != nil {
			content := part.Fill(j.sums)
			if int64(len(content)) != part.Size {
				return fmt.Errorf("part %d has %d bytes, planned were %d", i, len(content), part.Size)
			}
			if _, err := j.file.WriteAt(content, at); err != nil {
				return err
			}
		}
		at += part.Size
	}
	return nil
}

// stream writes the Data of part i at offset start.
func (j *job) stream(ctx context.Context, i int, start int64) (err error) {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = panicError(i, cause)
		}
	}()
	section := &section{ctx: ctx, job: j, at: start, left: j.parts[i].Size}
	if _, err := j.parts[i].Data.WriteTo(section); err != nil {
		return err
	}
	if section.left != 0 {
		return fmt.Errorf("part %d ended %d bytes early", i, section.left)
	}
	j.sums[i] = section.sum
	return nil
}

// panicError makes an error of a panic in the Data of part i. Faults of a mapped input have an address; others are mistakes of a program.
func panicError(i int, cause any) error {
	if _, ok := cause.(interface{ Addr() uintptr }); ok {
		return ErrFault
	}
	if err, ok := cause.(error); ok {
		return fmt.Errorf("part %d: %w", i, err)
	}
	return fmt.Errorf("part %d: unexpected fault", i)
}
