package finetune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// The files of a training.
const (
	// StateName is the file from which a training goes on: parameters, what the optimiser remembers of each, and how far it is.
	StateName = "state.safetensors"
	// BestName is the file of the best parameters, under their canonical names.
	BestName = "best.safetensors"
	lockName = "lock"
	// spaceName is that of a file that is made and removed before the first step, to know whether there is space.
	spaceName = "space"
)

// stateKey is the key of the document in the metadata of the state.
const stateKey = "beitzoo.training"

// state is how far a training is. What is drawn needs no more than the step: it is a function of that and the seed.
type state struct {
	// Version is that of this document.
	Version  int               `json:"version"`
	Settings Settings          `json:"settings"`
	Identity map[string]string `json:"identity,omitempty"`
	// Pictures is how many there are, and Step how many steps are done.
	Pictures int `json:"pictures"`
	Step     int `json:"step"`
	// Losses is the sum of the losses of the epoch that is not over, and Norm the largest norm in it.
	Losses float64 `json:"losses"`
	Norm   float64 `json:"norm"`
	Epochs []Epoch `json:"epochs,omitempty"`
	// Best is the index of the best epoch, or -1.
	Best int `json:"best"`
}

// lists returns the lists of a memory with the prefixes of their names in the file.
func lists(m *engine.Memory) []struct {
	prefix string
	list   *[]tensor.Named
} {
	return []struct {
		prefix string
		list   *[]tensor.Named
	}{{"parameters.", &m.Parameters}, {"first.", &m.First}, {"second.", &m.Second}, {"average.", &m.Average}}
}

// keep writes the state, unless the file has this step already.
func (r *run) keep(ctx context.Context) error {
	if r.options.Folder == "" || r.saved == r.state.Step {
		return nil
	}
	return r.keepNow(ctx)
}

// keepNow writes the state.
func (r *run) keepNow(ctx context.Context) error {
	now := r.state
	now.Version, now.Settings, now.Identity, now.Pictures = 1, r.plan.Settings, r.options.Identity, r.plan.Pictures
	document, err := json.Marshal(now)
	if err != nil {
		return err
	}
	err = r.learner.Read(func(m engine.Memory) error {
		var all []tensor.Named
		for _, l := range lists(&m) {
			for _, n := range *l.list {
				all = append(all, tensor.Named{Name: l.prefix + n.Name, View: n.View})
			}
		}
		return write(ctx, filepath.Join(r.options.Folder, StateName), all, map[string]string{stateKey: string(document)})
	})
	if err == nil {
		r.kept, r.saved = time.Now(), r.state.Step
	}
	return err
}

// keepBest writes the parameters.
func (r *run) keepBest(ctx context.Context, parameters []tensor.Named) error {
	if r.options.Folder == "" {
		return nil
	}
	return write(ctx, filepath.Join(r.options.Folder, BestName), parameters, nil)
}

// write writes a file of tensors whole, or leaves the one that is there.
func write(ctx context.Context, path string, tensors []tensor.Named, metadata map[string]string) error {
	parts, err := safetensors.Layout(tensors, metadata)
	if err != nil {
		return err
	}
	return output.Write(ctx, path, parts, output.Options{})
}

// OpenBest opens the best parameters of the training in a folder. The caller closes them.
func OpenBest(ctx context.Context, folder string) (*checkpoint.Checkpoint, error) {
	return checkpoint.Open(ctx, filepath.Join(folder, BestName), checkpoint.Options{}, safetensors.Format)
}

// resume reads the state in the folder into the learner, if there is one.
func (r *run) resume(ctx context.Context) error {
	path := filepath.Join(r.options.Folder, StateName)
	file, err := checkpoint.Open(ctx, path, checkpoint.Options{}, safetensors.Format)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return &StateError{Path: path, Err: err}
	}
	defer file.Close()
	var found state
	if err := json.Unmarshal([]byte(file.Metadata[stateKey]), &found); err != nil || found.Version != 1 {
		return &StateError{Path: path}
	}
	if found.Step == 0 { // no step would be lost
		return nil
	}
	if differences := r.differences(found); len(differences) > 0 {
		return &StateError{Path: path, Differences: differences}
	}
	if !r.plan.plausible(found) {
		return &StateError{Path: path}
	}
	var memory engine.Memory
	for _, n := range file.Tensors {
		for _, l := range lists(&memory) {
			if name, ok := strings.CutPrefix(n.Name, l.prefix); ok {
				*l.list = append(*l.list, tensor.Named{Name: name, View: n.View})
			}
		}
	}
	if err := r.complete(memory); err != nil {
		return &StateError{Path: path, Err: err}
	}
	if err := r.learner.Restore(ctx, memory); err != nil {
		return &StateError{Path: path, Err: err}
	}
	r.state, r.saved = found, found.Step
	return nil
}

// complete returns an error unless a memory has all that the learner has.
func (r *run) complete(memory engine.Memory) error {
	return r.learner.Read(func(own engine.Memory) error {
		have := lists(&memory)
		for i, l := range lists(&own) {
			names := map[string]tensor.Shape{}
			for _, n := range *have[i].list {
				names[n.Name] = n.Shape
			}
			for _, n := range *l.list {
				if shape, ok := names[n.Name]; !ok || !shape.Equal(n.Shape) {
					return fmt.Errorf("%s%s is missing, or has another shape", l.prefix, n.Name)
				}
			}
		}
		return nil
	})
}

// differences says in what a training that was kept is not this one.
func (r *run) differences(found state) (all []string) {
	add := func(what string, then, now any) {
		if a, b := fmt.Sprint(then), fmt.Sprint(now); a != b {
			all = append(all, fmt.Sprintf("%s %s, now %s", what, text.Shorten(a, 80), text.Shorten(b, 80)))
		}
	}
	then, now := fields(found.Settings), fields(r.plan.Settings)
	for _, key := range slices.Sorted(maps.Keys(merged(then, now))) {
		add(strings.ReplaceAll(key, "_", " "), orNone(then, key), orNone(now, key))
	}
	add("pictures", found.Pictures, r.plan.Pictures)
	for _, key := range slices.Sorted(maps.Keys(merged(found.Identity, r.options.Identity))) {
		add(key, orNone(found.Identity, key), orNone(r.options.Identity, key))
	}
	return all
}

// plausible reports whether a state is one that a training of the plan can have.
func (p *Plan) plausible(s state) bool {
	over := s.Step / p.PerEpoch
	pending := s.Step%p.PerEpoch == 0 && len(s.Epochs) == over-1 // stopped while it was evaluated
	if s.Step < 0 || s.Step > p.Steps || len(s.Epochs) != over && !pending || s.Best < -1 || s.Best >= len(s.Epochs) {
		return false
	}
	return s.Best == -1 || s.Epochs[s.Best].Score != nil
}

// fields returns the fields of settings by their names in JSON.
func fields(s Settings) map[string]string {
	raw, _ := json.Marshal(s) // numbers and texts
	var values map[string]json.RawMessage
	_ = json.Unmarshal(raw, &values)
	all := map[string]string{}
	for key, value := range values {
		all[key] = string(value)
	}
	return all
}

func merged(a, b map[string]string) map[string]string {
	all := maps.Clone(b)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, a)
	return all
}

func orNone(m map[string]string, key string) string {
	if value, ok := m[key]; ok {
		return value
	}
	return "none"
}
