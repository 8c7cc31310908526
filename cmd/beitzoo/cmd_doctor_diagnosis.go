package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/cmd/internal/fit"
	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
	"github.com/beitzoo/beitzoo/cmd/internal/nvidia"
	"github.com/beitzoo/beitzoo/verify"
)

// diagnosis is what `beitzoo doctor --json` prints. Fields for things that were not found are absent.
type diagnosis struct {
	versionInfo
	Threads int `json:"threads"`
	// Toolchain is the version of the go command, and Compiler the C++ compiler that it uses: what a build with libtorch needs.
	Toolchain string        `json:"toolchain,omitempty"`
	Compiler  *fit.Compiler `json:"compiler,omitempty"`
	// Libtorch is what a build would use; Running, the library that this program runs with.
	Libtorch *libtorch.Installation `json:"libtorch,omitempty"`
	Running  string                 `json:"running,omitempty"`
	// Gotch is what the workspace of this folder uses.
	Gotch *fittedGotch   `json:"gotch,omitempty"`
	BLAS  *libtorch.BLAS `json:"blas,omitempty"`
	// Rate is what libtorch reaches here in float32 matrix products with all threads, in operations a second.
	Rate float64      `json:"matrix_flops,omitempty"`
	GPUs []nvidia.GPU `json:"gpus,omitempty"`
	// CUDADevices is the number of GPUs that libtorch can use.
	CUDADevices int      `json:"cuda_devices"`
	Problems    []remedy `json:"problems"`
}

// fittedGotch is a gotch that was adapted to a libtorch.
type fittedGotch struct {
	Version string `json:"version"`
	Folder  string `json:"folder"`
	// Libtorch is the version and the library that gotch was fitted to.
	Libtorch string   `json:"libtorch"`
	CUDA     bool     `json:"cuda"`
	Stubbed  []string `json:"stubbed"`
}

// remedy is a problem and how to solve it.
type remedy struct {
	Problem string `json:"problem"`
	Hint    string `json:"hint,omitempty"`
	// Fatal ones keep the torch engine from running.
	Fatal bool `json:"fatal"`
}

// hasTorch reports whether this program was built with libtorch.
func hasTorch() bool { return len(libtorchEngines()) > 0 }

// diagnose examines the machine, in the order in which a user would repair it. Problems become part of the diagnosis.
func diagnose(ctx context.Context, program string) *diagnosis {
	d := &diagnosis{versionInfo: version(), Threads: runtime.GOMAXPROCS(0), Problems: []remedy{}}
	for _, look := range []func(context.Context){d.toolchain, d.libtorch, d.workspace, d.gpus, d.torch} {
		look(ctx)
	}
	if program != "" {
		d.other(ctx, program)
	}
	return d
}

// note adds a problem. hint is used if the error has none.
func (d *diagnosis) note(err error, fatal bool, hint string) {
	if own := hintOf(err); own != "" {
		hint = own
	}
	d.Problems = append(d.Problems, remedy{err.Error(), hint, fatal})
}

// toolchain looks for Go and the C++ compiler.
func (d *diagnosis) toolchain(ctx context.Context) {
	output, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		d.note(fmt.Errorf("the go command does not run, which a build with libtorch needs: %w", err), false, "install Go 1.26 or newer")
		return
	}
	d.Toolchain = strings.TrimSpace(string(output))
	compiler, err := fit.FindCompiler(ctx)
	if err != nil {
		d.note(err, false, "")
		return
	}
	d.Compiler = &compiler
}

// libtorch looks for a libtorch to build with, and for its BLAS. A program that was built with libtorch needs no other one.
func (d *diagnosis) libtorch(ctx context.Context) {
	d.Running = libtorch.Loaded()
	search := libtorch.Search{}
	if d.Compiler != nil {
		search.Compiler = d.Compiler.Command
	}
	library := d.Running
	found, err := libtorch.Find(ctx, search)
	if err != nil {
		d.note(err, !hasTorch(), buildHint)
	} else {
		d.Libtorch = &found
		if library == "" {
			library = found.CPULibrary()
		}
	}
	if library == "" {
		return
	}
	blas, err := libtorch.BLASOf(ctx, library)
	if err != nil {
		d.note(err, false, "")
		return
	}
	d.BLAS = &blas
	if blas.Name == libtorch.Reference {
		d.note(fmt.Errorf("libtorch multiplies matrices with the reference BLAS, %s: some 4 GFLOP/s where others reach 200", blas.Library), false,
			"Debian, Ubuntu: apt-get install libopenblas0-pthread; elsewhere install OpenBLAS, or `make libtorch`")
	}
}

// workspace looks at the gotch that a build in this folder would use.
func (d *diagnosis) workspace(ctx context.Context) {
	if d.Toolchain == "" {
		return
	}
	output, err := exec.CommandContext(ctx, "go", "env", "GOWORK").Output()
	if err != nil {
		d.note(fmt.Errorf("go env GOWORK: %w", err), false, "")
		return
	}
	report, err := fit.ReportOf(strings.TrimSpace(string(output)))
	if errors.Is(err, fit.ErrUnfitted) && hasTorch() {
		return // The program need not lie in a checkout.
	}
	if err != nil {
		d.note(err, false, buildHint)
		return
	}
	d.Gotch = &fittedGotch{report.Gotch, report.Folder, report.Libtorch.Version + " in " + report.Libtorch.Library, report.CUDA, report.Stubbed}
	if err := report.Libtorch.Check(ctx); err != nil {
		d.Problems = append(d.Problems, remedy{
			fmt.Sprintf("the libtorch that gotch is fitted to has changed: %v; programs that were built with it do not start", err), buildHint, !hasTorch(),
		})
	}
}

// gpus lists the GPUs, also those that libtorch cannot use.
func (d *diagnosis) gpus(ctx context.Context) {
	d.CUDADevices = cudaDevices()
	var err error
	if d.GPUs, err = nvidia.GPUs(ctx); err != nil && !errors.Is(err, nvidia.ErrAbsent) {
		d.note(err, false, "")
	}
	if len(d.GPUs) == 0 || d.CUDADevices > 0 || !hasTorch() {
		return
	}
	hint := "in a checkout: make libtorch CUDA=1 && go build -tags libtorch ./cmd/beitzoo"
	if d.Gotch != nil && d.Gotch.CUDA {
		hint = "this libtorch is linked with CUDA: driver " + d.GPUs[0].Driver + " may be too old for it, or CUDA_VISIBLE_DEVICES hides the devices"
	}
	d.note(fmt.Errorf("libtorch does not use the GPU"), false, hint)
}

// torch measures libtorch, and verifies a small model in the torch engine.
func (d *diagnosis) torch(ctx context.Context) {
	if !hasTorch() {
		d.Problems = append(d.Problems, remedy{noLibtorch().Problem, buildHint, true})
		return
	}
	var err error
	if d.Rate, err = matrixRate(ctx, 1024, d.Threads); err != nil {
		d.note(fmt.Errorf("libtorch failed to multiply two matrices: %w", err), true, buildHint)
		return
	}
	if err := tryEngine(ctx, libtorchEngines()[0]); err != nil {
		d.note(err, true, buildHint)
	}
}

// tryEngine verifies a small model with recipe weights in an engine.
func tryEngine(ctx context.Context, e engine.Engine) error {
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		return err
	}
	subject := verify.Subject{Name: config.Name, Config: config, Weights: synth.Weights(config, 0), Engine: e}
	result, err := verify.Verify(ctx, subject, verify.Oracle(), verify.Options{Images: 1, NoBlame: true})
	if err != nil {
		return fmt.Errorf("the %s engine failed to run a small model: %w", e.Name(), err)
	}
	if !result.OK {
		return fmt.Errorf("the %s engine computes other values than plain Go, from %s on", e.Name(), result.FirstDivergence)
	}
	return nil
}

// other looks for libraries that another program needs and does not find.
func (d *diagnosis) other(ctx context.Context, program string) {
	missing, err := libtorch.MissingOf(ctx, program)
	if err != nil {
		d.note(fmt.Errorf("%s: %w", program, err), true, "name a beitzoo that was built with libtorch; a build without it needs no libraries")
		return
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		d.Problems = append(d.Problems, remedy{
			fmt.Sprintf("%s does not start: these libraries are no longer where they were when it was built: %s", program, strings.Join(slices.Compact(missing), ", ")),
			buildHint, true,
		})
	}
}
