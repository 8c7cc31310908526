package wheel

import (
	"archive/zip"
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// pythonTag is the version of Python whose wheels are downloaded. Their Python part is not used, so any version will do that has wheels.
const pythonTag = "3.11"

// pip runs `pip download` into folder. A failure is a *DownloadError.
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

// download downloads torch and the CUDA packages that its METADATA names, and returns the paths of all wheels.
func download(ctx context.Context, options Options, folder string) ([]string, error) {
	options.report("downloading libtorch %s into %s", options.Version, options.Folder)
	if err := pip(ctx, options, folder, "--no-deps", "torch=="+options.Version); err != nil {
		return nil, err
	}
	torch, err := filepath.Glob(filepath.Join(folder, "torch-*.whl"))
	if err != nil {
		return nil, err
	}
	if len(torch) != 1 {
		return nil, fmt.Errorf("%s has %d wheels of torch instead of one", folder, len(torch))
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

// requirement matches a line of METADATA such as `Requires-Dist: cuda-toolkit[cublas,cudart]==13.0.2; platform_system == "Linux"`, or in older
// wheels `Requires-Dist: nvidia-cuda-runtime-cu12 (==12.1.105) ; ...`.
var requirement = regexp.MustCompile(`^Requires-Dist: ((?:nvidia|cuda-toolkit)[\w-]*)(?:\[[^\]]*\])?\s*\(?(==[^;)\s]+)`)

// cpuExtras and cudaExtras are extras of the package cuda-toolkit, of one library each.
var cpuExtras, cudaExtras = "[cudart,cupti]", "[cublas,cudart,cufft,cufile,cupti,curand,cusolver,cusparse,nvjitlink,nvrtc,nvtx]"

// companions lists what pip has to get besides torch: the CUDA run time and profiler for the CPU part, otherwise all CUDA packages.
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
	return "", fmt.Errorf("%s has no %s: it is not a wheel", filepath.Base(path), name)
}

// maxMetadata bounds what is read of a wheel's text files; RECORD of torch has 2 MB.
const maxMetadata = 64 << 20
