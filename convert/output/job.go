package output

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
	"syscall"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// job is one Write under way.
type job struct {
	file    *os.File
	parts   []Part
	options Options
	total   int64
	// reporting keeps the calls of Options.Progress in order: done never decreases.
	reporting sync.Mutex
	done      int64
	sums      []uint32
	// needSums says that some part wants checksums.
	needSums bool
}

func newJob(file *os.File, parts []Part, options Options) *job {
	return &job{
		file: file, parts: parts, options: options,
		total: dataSize(parts), sums: make([]uint32, len(parts)), needSums: needSums(parts),
	}
}

// run writes all Data at once with all cores, then the parts that Fill makes.
func (j *job) run(ctx context.Context) error {
	starts := make([]int64, len(j.parts))
	at := int64(0)
	for i, part := range j.parts {
		starts[i] = at
		at += part.Size
	}
	err := parallel.Each(ctx, len(j.parts), func(ctx context.Context, i int) error {
		if j.parts[i].Data == nil {
			return nil
		}
		return j.stream(ctx, i, starts[i])
	})
	if err != nil {
		return err
	}
	for i, part := range j.parts {
		if part.Fill == nil {
			continue
		}
		content := part.Fill(j.sums)
		if int64(len(content)) != part.Size {
			return fmt.Errorf("part %d has %d bytes, planned were %d", i, len(content), part.Size)
		}
		if _, err := j.file.WriteAt(content, starts[i]); err != nil {
			return err
		}
	}
	return nil
}

// stream writes the Data of part i at offset start. A panic of Data is returned as an error, so Write can remove what it has
// written.
func (j *job) stream(ctx context.Context, i int, start int64) (err error) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("part %d: %w", i, cause)
		default:
			err = fmt.Errorf("part %d: the program panicked", i)
		}
	}()
	return tensor.Guard(func() error {
		section := &section{ctx: ctx, job: j, at: start, left: j.parts[i].Size}
		if _, err := j.parts[i].Data.WriteTo(section); err != nil {
			return err
		}
		if section.left != 0 {
			return fmt.Errorf("part %d ended %d bytes early", i, section.left)
		}
		j.sums[i] = section.sum
		return nil
	})
}

// report adds to what is done and reports it.
func (j *job) report(n int64) {
	if j.options.Progress == nil {
		return
	}
	j.reporting.Lock()
	defer j.reporting.Unlock()
	j.done += n
	j.options.Progress(j.done, j.total)
}

// section is the writer for one part: it writes at the part's place, and nowhere else.
type section struct {
	ctx  context.Context //nolint:containedctx // a writer for one call
	job  *job
	at   int64
	left int64
	sum  uint32
}

func (s *section) Write(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, context.Cause(s.ctx)
	}
	if int64(len(p)) > s.left {
		return 0, fmt.Errorf("a part is longer than planned by %d bytes", int64(len(p))-s.left)
	}
	n, err := s.job.file.WriteAt(p, s.at)
	if s.job.needSums {
		s.sum = crc32.Update(s.sum, crc32.IEEETable, p[:n])
	}
	if !s.job.options.NoSync {
		disk.StartSync(s.job.file, s.at, int64(n))
	}
	s.at += int64(n)
	s.left -= int64(n)
	s.job.report(int64(n))
	if errors.Is(err, syscall.EFAULT) { // the memory fault happened in the system call
		return n, tensor.ErrFault
	}
	return n, err
}
