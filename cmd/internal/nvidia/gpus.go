package nvidia

import (
	"context"
	"encoding/csv"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// ErrAbsent means that the machine has no NVIDIA driver.
var ErrAbsent = errdef.New(errdef.ErrUnavailable, "no NVIDIA driver on this machine")

// GPU is one device.
type GPU struct {
	// Index is the N of "cuda:N", unless CUDA_VISIBLE_DEVICES says otherwise.
	Index int    `json:"index"`
	Name  string `json:"name"`
	// Memory and Free are in bytes; 0 if the driver does not say, as for a GPU that shares the machine's memory.
	Memory int64 `json:"memory_bytes"`
	Free   int64 `json:"free_bytes"`
	// Driver is the driver's version.
	Driver string `json:"driver"`
	// Capability is the compute capability, such as "9.0"; a libtorch is built for some of them.
	Capability string `json:"compute_capability"`
}

// DriverError is a driver that does not answer.
type DriverError struct {
	// Message is the first line of what nvidia-smi said.
	Message string
	Err     error
}

func (e *DriverError) Error() string { return fmt.Sprintf("nvidia-smi: %v: %s", e.Err, e.Message) }

// Unwrap returns how nvidia-smi ended.
func (e *DriverError) Unwrap() error { return e.Err }

// Is reports that the machine lacks something.
func (e *DriverError) Is(kind error) bool { return kind == errdef.ErrUnavailable }

// Hint says what usually helps.
func (e *DriverError) Hint() string {
	return "load the driver's kernel module (modprobe nvidia), or reboot after an update of the driver; in a container, start it with the GPUs (--gpus all)"
}

const (
	program = "nvidia-smi"
	columns = "index,name,memory.total,memory.free,driver_version,compute_cap"
)

// GPUs lists the devices in the order of their index. Errors are ErrAbsent and *DriverError.
func GPUs(ctx context.Context) ([]GPU, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, ErrAbsent
	}
	output, err := exec.CommandContext(ctx, path, "--query-gpu="+columns, "--format=csv,noheader,nounits").Output()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, &DriverError{Message: text.FirstLine(string(output)), Err: err}
	}
	return parse(string(output))
}

// parse reads the lines "0, NVIDIA H100 80GB HBM3, 81559, 81079, 550.54.15, 9.0", with sizes in MiB.
func parse(table string) ([]GPU, error) {
	reader := csv.NewReader(strings.NewReader(table))
	reader.TrimLeadingSpace = true
	reader.FieldsPerRecord = strings.Count(columns, ",") + 1
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("the table of nvidia-smi: %w", err)
	}
	var gpus []GPU
	for _, row := range rows {
		index, err := strconv.Atoi(row[0])
		if err != nil {
			return nil, fmt.Errorf("the table of nvidia-smi: %w", err)
		}
		gpus = append(gpus, GPU{Index: index, Name: row[1], Memory: mebibytes(row[2]), Free: mebibytes(row[3]), Driver: row[4], Capability: row[5]})
	}
	return gpus, nil
}

// mebibytes returns a size of the table in bytes. If the driver does not know it, it writes "[N/A]" or "[Not Supported]", which count as 0.
func mebibytes(cell string) int64 {
	n, err := strconv.ParseInt(cell, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return 0
	}
	return n << 20
}
