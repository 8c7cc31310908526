package wheel

import (
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// pythonTag is the Python for which wheels are asked. Their Python part is not used, so any that every supported version ships does.
const pythonTag = "3.11"

// pip runs `pip download` into folder.
func pip(ctx context.Context, options Options, folder string, requirements ...string) error {
	arguments := append([]string{
		"-m", "pip", "download", "--disable-pip-version-check", "--no-cache-dir", "--only-binary=:all:",
		"--python-version", pythonTag, "--dest", folder,
	}, requirements...)
	command := exec.CommandContext(ctx, "python3", arguments...)
	var problems strings.Builder
	command.Stdout, command.Stderr = options.Output, &problems
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &DownloadError{Requirements: requirements, Output: strings.TrimSpace(problems.String()), Err: err}
	}
	return nil
}

// DownloadError says that pip could not download what libtorch consists of.
type DownloadError struct {
	Requirements []string
	Output       string
	Err          error
}

func (e *DownloadError) Error() string {
	return fmt.Sprintf("pip download %s: %v\n%s", strings.Join(e.Requirements, " "), e.Err, e.Output)
}

// Unwrap gives pip's exit status, or why it did not start.
func (e *DownloadError) Unwrap() error { return e.Err }

// Hint says what is missing where pip itself is.
func (e *DownloadError) Hint() string {
	if errors.Is(e.Err, exec.ErrNotFound) || strings.Contains(e.Output, "No module named pip") {
		return "install Python 3 with pip (Debian, Ubuntu: apt-get install python3-pip), or set LIBTORCH to the folder of a libtorch"
	}
	return "check that pip reaches a package index, or set LIBTORCH to the folder of a libtorch"
}

// download gets torch, reads there which CUDA packages belong to it, gets those, and returns the paths of all wheels.
func download(ctx context.Context, options Options, folder string) ([]string, error) {
	options.report("downloading libtorch %s into %s", options.Version, options.Folder)
	if err := pip(ctx, options, folder, "--no-deps", "torch=="+options.Version); err != nil {
		return nil, err
	}
	torch, err := filepath.Glob(filepath.Join(folder, "torch-*.whl"))
	if err != nil || len(torch) != 1 {
		return nil, fmt.Errorf("%s has %d wheels of torch instead of one (%w)", folder, len(torch), err)
	}
	metadata, err := readMember(torch[0], "METADATA")
	if err != nil {
		return nil, err
	}
	if companions := companions(metadata, options.CUDA); len(companions) > 0 {
		if err := pip(ctx, options, folder, companions...); err != nil {
			return nil, err
		}
	}
	return filepath.Glob(filepath.Join(folder, "*.whl"))
}

// requirement is a line of METADATA such as `Requires-Dist: cuda-toolkit[cublas,cudart]==13.0.2; platform_system == "Linux"`, or in older
// wheels `Requires-Dist: nvidia-cuda-runtime-cu12 (==12.1.105) ; ...`.
var requirement = regexp.MustCompile(`^Requires-Dist: ((?:nvidia|cuda-toolkit)[\w-]*)(?:\[[^\]]*\])?\s*\(?(==[^;)\s]+)`)

// extras of the package cuda-toolkit that are one library each; the CPU part needs the first two.
var cpuExtras, cudaExtras = "[cudart,cupti]", "[cublas,cudart,cufft,cufile,cupti,curand,cusolver,cusparse,nvjitlink,nvrtc,nvtx]"

// companions lists what pip has to get beside torch: the CUDA run time and profiler for the CPU part, all CUDA packages otherwise.
func companions(metadata string, cuda bool) []string {
	var needed []string
	scanner := bufio.NewScanner(strings.NewReader(metadata))
	for scanner.Scan() {
		found := requirement.FindStringSubmatch(scanner.Text())
		if found == nil {
			continue
		}
		name, version := found[1], found[2]
		switch {
		case name == "cuda-toolkit" && cuda:
			needed = append(needed, name+cudaExtras+version)
		case name == "cuda-toolkit":
			needed = append(needed, name+cpuExtras+version)
		case cuda || strings.HasPrefix(name, "nvidia-cuda-runtime") || strings.HasPrefix(name, "nvidia-cuda-cupti"):
			needed = append(needed, name+version)
		}
	}
	return needed
}

// readMember reads the file of that name in the wheel's .dist-info folder.
func readMember(path, name string) (string, error) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return "", err
	}
	defer archive.Close()
	for _, member := range archive.File {
		if folder, file := filepath.Split(member.Name); file == name && strings.HasSuffix(folder, ".dist-info/") {
			content, err := member.Open()
			if err != nil {
				return "", err
			}
			defer content.Close()
			text, err := io.ReadAll(io.LimitReader(content, maxMetadata))
			return string(text), err
		}
	}
	return "", fmt.Errorf("%s has no %s: not a wheel", filepath.Base(path), name)
}

// maxMetadata bounds what is read of a wheel's text files; RECORD of torch has 2 MB.
const maxMetadata = 64 << 20
