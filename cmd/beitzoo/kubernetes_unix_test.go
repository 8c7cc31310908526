//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// kubernetesJob is what a test needs of a Job.
type kubernetesJob struct {
	Spec struct {
		CompletionMode           string `yaml:"completionMode"`
		Completions, Parallelism int
		Template                 struct {
			Spec struct {
				Containers []struct {
					Command, Args []string
					Env           []struct{ Name, Value string }
				}
			}
		}
	}
}

func readJob(t *testing.T, name string) kubernetesJob {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "deploy", "kubernetes", name))
	if err != nil {
		t.Fatal(err)
	}
	var job kubernetesJob
	if err := yaml.Unmarshal(raw, &job); err != nil {
		t.Fatal(err)
	}
	if len(job.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("%s: %+v", name, job)
	}
	return job
}

// container returns the command of the only container, with other values of some of the variables that the Job sets; all of these have to be among its own.
func (j kubernetesJob) container(t *testing.T, values map[string]string) *exec.Cmd {
	t.Helper()
	c := j.Spec.Template.Spec.Containers[0]
	words := append(append([]string(nil), c.Command...), c.Args...)
	process := exec.Command(words[0], words[1:]...)
	process.Env = os.Environ()
	used := 0
	for _, variable := range c.Env {
		if value, changed := values[variable.Name]; changed {
			variable.Value = value
			used++
		}
		process.Env = append(process.Env, variable.Name+"="+variable.Value)
	}
	if used != len(values) {
		t.Errorf("the Job does not have all of %v", values)
	}
	return process
}

// TestKubernetes runs what the pods of deploy/kubernetes run: a process for each index, one of them twice, since its pod was lost.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	job := readJob(t, "eval.yaml")
	values := map[string]string{"MODEL": "digits_p16_64", "IMAGES": digitsImages(), "RESULTS": folder, "BEITZOO_HOME": t.TempDir()}
	if parts := job.container(t, nil).Env; job.Spec.CompletionMode != "Indexed" || job.Spec.Completions != job.Spec.Parallelism ||
		!strings.Contains(strings.Join(parts, "\n"), "PARTS="+strconv.Itoa(job.Spec.Completions)) {
		t.Errorf("%+v", job.Spec)
	}
	run := func(index int) {
		process := job.container(t, values)
		process.Env = append(process.Env, "JOB_COMPLETION_INDEX="+strconv.Itoa(index))
		if out, err := process.CombinedOutput(); err != nil {
			t.Fatalf("%d: %v\n%s", index, err, out)
		}
	}
	for index := range job.Spec.Completions {
		run(index)
	}
	lost := filepath.Join(folder, "part-3-of-8.jsonl")
	if err := os.Truncate(lost, 7000); err != nil {
		t.Fatal(err)
	}
	merge := readJob(t, "merge.yaml")
	results := map[string]string{"RESULTS": folder}
	if out, err := merge.container(t, results).CombinedOutput(); err == nil || !strings.Contains(string(out), "part 3/8, "+lost+", is not finished") {
		t.Errorf("without a part: %v\n%s", err, out)
	}
	run(2)
	if out, err := merge.container(t, results).CombinedOutput(); err != nil || !strings.Contains(string(out), rightDigits) {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestKubernetes_Unread: a pod whose pictures could not all be read is done, and any other failure is one.
func TestKubernetes_Unread(t *testing.T) {
	t.Parallel()
	job := readJob(t, "eval.yaml")
	data := t.TempDir()
	for class := range 10 {
		if err := os.Mkdir(filepath.Join(data, strconv.Itoa(class)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(data, strconv.Itoa(class), "1.png"), file("../manifests/embedded/images/7/005.png")(t))
	}
	write(t, filepath.Join(data, "3", "2.png"), []byte("\x89PNG\r\n\x1a\nnot all of it"))
	values := map[string]string{"MODEL": "digits_p16_64", "IMAGES": data, "PARTS": "1", "RESULTS": t.TempDir(), "BEITZOO_HOME": t.TempDir()}
	process := job.container(t, values)
	process.Env = append(process.Env, "JOB_COMPLETION_INDEX=0")
	if out, err := process.CombinedOutput(); err != nil || !strings.Contains(string(out), "1 of 11 images could not be read") {
		t.Errorf("%v\n%s", err, out)
	}
	values["IMAGES"] = filepath.Join(data, "nothing")
	process = job.container(t, values)
	process.Env = append(process.Env, "JOB_COMPLETION_INDEX=9")
	if out, err := process.CombinedOutput(); err == nil {
		t.Errorf("%s", out)
	}
}
