//go:build unix && !race

package main

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// TestKubernetes_Predict runs the pods for answers and for features: all parts are all pictures, each once.
func TestKubernetes_Predict(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"predict.yaml", "features.yaml"} {
		job := readJob(t, name)
		for range 2 { // the second time there is nothing to do
			for index := range 2 {
				process := job.container(t, map[string]string{"MODEL": "digits_p16_64", "IMAGES": digitsImages(), "PARTS": "2", "RESULTS": folder, "BEITZOO_HOME": t.TempDir()})
				process.Env = append(process.Env, "JOB_COMPLETION_INDEX="+strconv.Itoa(index))
				if out, err := process.CombinedOutput(); err != nil {
					t.Fatalf("%s, %d: %v\n%s", name, index, err, out)
				}
			}
		}
	}
	checkDigitAnswers(t, folder)
	checkDigitFeatures(t, folder)
}

// checkDigitAnswers checks that the files of answers in a folder have each digit once, and as many right answers as there are.
func checkDigitAnswers(t *testing.T, folder string) {
	t.Helper()
	seen, right := map[string]bool{}, 0
	for _, path := range partsOf(t, folder, "answers-*-of-2.jsonl") {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n")[1:] {
			var answer struct {
				Image string
				Top   []struct{ Class int }
			}
			if err := json.Unmarshal([]byte(line), &answer); err != nil || len(answer.Top) == 0 || seen[answer.Image] {
				t.Fatalf("%s: %s %v", path, line, err)
			}
			seen[answer.Image] = true
			if filepath.Base(filepath.Dir(answer.Image)) == strconv.Itoa(answer.Top[0].Class) {
				right++
			}
		}
	}
	if len(seen) != 360 || right != 346 {
		t.Errorf("%d pictures, %d right, want 346 of 360", len(seen), right)
	}
}

// checkDigitFeatures checks that the files of features in a folder have each digit once.
func checkDigitFeatures(t *testing.T, folder string) {
	t.Helper()
	seen := map[string]bool{}
	for _, path := range partsOf(t, folder, "features-*-of-2.safetensors") {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var header struct {
			Metadata struct{ Names string } `json:"__metadata__"`
			Features struct{ Shape []int }
		}
		var names []string
		if err := json.Unmarshal(raw[8:8+binary.LittleEndian.Uint64(raw)], &header); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(header.Metadata.Names), &names); err != nil || !slices.Equal(header.Features.Shape, []int{len(names), 48}) {
			t.Fatalf("%s: %v, %d names, %v", path, header.Features.Shape, len(names), err)
		}
		for _, name := range names {
			seen[name] = true
		}
	}
	if len(seen) != 360 {
		t.Errorf("features of %d pictures", len(seen))
	}
}

// partsOf returns the two files of a form.
func partsOf(t *testing.T, folder, form string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, form))
	if err != nil || len(paths) != 2 {
		t.Fatalf("%v, %v", paths, err)
	}
	return paths
}

// TestSlurmScripts_OneTaskAgain: a task that runs in an array of its own has to be told how many parts there are.
func TestSlurmScripts_OneTaskAgain(t *testing.T) {
	t.Parallel()
	for script, left := range map[string]string{"eval": "part-4-of-8.jsonl", "predict": "answers-4-of-8.jsonl", "features": "features-4-of-8.safetensors"} {
		results := filepath.Join(t.TempDir(), "results")
		task := func(env ...string) (string, error) {
			process := exec.Command("bash", filepath.Join("..", "..", "deploy", "slurm", script+".sbatch"), "digits_p16_64", digitsImages(), results)
			process.Env = append(append(os.Environ(), "SLURM_ARRAY_TASK_ID=3", "SLURM_ARRAY_TASK_COUNT=1", "SLURM_ARRAY_TASK_MIN=3", "SLURM_ARRAY_TASK_MAX=3"), env...)
			out, err := process.CombinedOutput()
			return string(out), err
		}
		if out, err := task(); err == nil || !strings.Contains(out, "set PARTS to the number of all parts") {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
		if out, err := task("PARTS=8"); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
		if _, err := os.Stat(filepath.Join(results, left)); err != nil {
			t.Error(err)
		}
	}
}
