package output

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"runtime"
	"runtime/debug"

	"golang.org/x/sync/errgroup"
)

// ErrFault says that reading an input failed in the middle, most likely because its file was cut short meanwhile.
var ErrFault = errors.New("the input became unreadable while it was read; was the file changed?")

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

// stream writes the Data of part i at offset start. A fault of a mapped input becomes ErrFault.
func (j *job) stream(ctx context.Context, i int, start int64) (err error) {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = ErrFault
		}
	}()
	section := &section{ctx: ctx, job: j, at: start, left: j.parts[i].Size}
	if j.options.Sums {
		section.sum = crc32.NewIEEE()
	}
	if _, err := j.parts[i].Data.WriteTo(section); err != nil {
		return err
	}
	if section.left != 0 {
		return fmt.Errorf("part %d ended %d bytes early", i, section.left)
	}
	if section.sum != nil {
		j.sums[i] = section.sum.Sum32()
	}
	return nil
}

// section is the writer for one part: it writes at the part's place, and nowhere else.
type section struct {
	ctx  context.Context
	job  *job
	at   int64
	left int64
	sum  hash.Hash32
}

func (s *section) Write(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, context.Cause(s.ctx)
	}
	if int64(len(p)) > s.left {
		return 0, fmt.Errorf("a part is longer than planned by %d bytes", int64(len(p))-s.left)
	}
	n, err := s.job.file.WriteAt(p, s.at)
	s.at += int64(n)
	s.left -= int64(n)
	if s.sum != nil {
		s.sum.Write(p[:n])
	}
	if progress := s.job.options.Progress; progress != nil {
		progress(s.job.done.Add(int64(n)), s.job.total)
	}
	return n, err
}
