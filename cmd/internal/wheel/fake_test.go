package wheel

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// member is a file of a wheel.
type member struct{ name, content string }

// writeWheel makes a real, small wheel for pip to find. The RECORD says what sum makes of each member's content.
func writeWheel(t *testing.T, folder, name, version string, requirements []string, members []member, sum func(member) string) {
	t.Helper()
	info := strings.ReplaceAll(name, "-", "_") + "-" + version + ".dist-info/"
	metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\nProvides-Extra: cudart\nProvides-Extra: cupti\n", name, version)
	for _, requirement := range requirements {
		metadata += "Requires-Dist: " + requirement + "\n"
	}
	members = append(members, member{info + "METADATA", metadata}, member{info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n"})
	record := ""
	for _, m := range members {
		record += fmt.Sprintf("%s,sha256=%s,%d\n", m.name, sum(m), len(m.content))
	}
	members = append(members, member{info + "RECORD", record + info + "RECORD,,\n"})
	file, err := os.Create(filepath.Join(folder, strings.ReplaceAll(name, "-", "_")+"-"+version+"-py3-none-any.whl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	for _, m := range members {
		w, err := archive.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
}

func right(m member) string {
	sum := sha256.Sum256([]byte(m.content))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// index makes a folder of wheels and tells pip, by its own variables, to look nowhere else.
func index(t *testing.T, sum func(member) string, more ...member) {
	t.Helper()
	folder := t.TempDir()
	writeWheel(t, folder, "torch", "2.11.0", []string{
		`filelock`,
		`cuda-toolkit[cublas,cudart,cufft,cufile,cupti,curand,cusolver,cusparse,nvjitlink,nvrtc,nvtx]==13.0.2; platform_system == "Linux"`,
		`nvidia-cudnn-cu13==9.19.0.56; platform_system == "Linux"`,
	}, append([]member{
		{"torch/__init__.py", "raise SystemExit"},
		{"torch/include/torch/csrc/api/include/torch/version.h", "version"},
		{"torch/lib/libtorch_cpu.so", "cpu"},
		{"torch/lib/libc10.so", "c10"},
		{"torch/lib/libgomp.so.1", "gomp"},
		{"torch/lib/libtorch_cuda.so", "cuda"},
		{"torch/lib/libtorch_python.so", "python"},
	}, more...), sum)
	writeWheel(t, folder, "cuda-toolkit", "13.0.2", []string{`nvidia-cuda-runtime==13.0.96.*; extra == "cudart"`, `nvidia-cuda-cupti==13.0.85.*; extra == "cupti"`}, nil, right)
	writeWheel(t, folder, "nvidia-cuda-runtime", "13.0.96", nil, []member{{"nvidia/cu13/lib/libcudart.so.13", "cudart"}, {"nvidia/cu13/include/cuda.h", "header"}}, right)
	writeWheel(t, folder, "nvidia-cuda-cupti", "13.0.85", nil, []member{{"nvidia/cu13/lib/libcupti.so.13", "cupti"}, {"nvidia/cu13/lib/libnvperf_host.so", "perf"}}, right)
	writeWheel(t, folder, "nvidia-cudnn-cu13", "9.19.0.56", nil, []member{{"nvidia/cudnn/lib/libcudnn.so.9", "cudnn"}}, right)
	t.Setenv("PIP_NO_INDEX", "1")
	t.Setenv("PIP_FIND_LINKS", folder)
	t.Setenv("PIP_CONFIG_FILE", os.DevNull)
}
