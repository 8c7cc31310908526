package finetune

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// The files of a training.
const (
	// StateName is the file from which a training goes on: parameters, what the optimiser remembers of each, and how far it is.
	StateName = "state.safetensors"
	// BestName is the file of the best parameters, under their canonical names.
	BestName = "best.safetensors"
	// nextName is that of the best parameters until the state is kept that knows them: state and BestName belong together at any moment.
	nextName = "best.next.safetensors"
	lockName = "lock"
	// spaceName is that of a file that is made and removed before the first step, to know whether there is space.
	spaceName = "space"
)

// The keys of the document in the metadata of the state, and of the digest of document and tensors.
const (
	stateKey  = "beitzoo.training"
	digestKey = "beitzoo.training.digest"
)

// stateVersion is the version of the document.
const stateVersion = 2

// state is how far a training is. What is drawn needs no more than the step: it is a function of that and the seed.
type state struct {
	// Version is that of this document.
	Version  int               `json:"version"`
	Settings Settings          `json:"settings"`
	Identity map[string]string `json:"identity,omitempty"`
	// Model is the architecture as it is trained, and Conditions are those of the run that wrote this.
	Model      arch.Config       `json:"model"`
	Conditions map[string]string `json:"conditions,omitempty"`
	// Pictures is how many there are, and Step how many steps are done.
	Pictures int `json:"pictures"`
	Step     int `json:"step"`
	// Losses is the sum of the losses of the epoch that is not over, and Norm the largest norm in it.
	Losses float64 `json:"losses"`
	Norm   float64 `json:"norm"`
	Epochs []Epoch `json:"epochs,omitempty"`
	// Best is the index of the best epoch, or -1, and BestDigest is that of its parameters.
	Best       int    `json:"best"`
	BestDigest string `json:"best_digest,omitempty"`
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
	now.Version, now.Settings, now.Identity, now.Pictures = stateVersion, r.plan.Settings, r.options.Identity, r.plan.Pictures
	now.Model, now.Conditions = r.plan.Config, r.options.Conditions
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
		digest, err := digestOf(ctx, string(document), all)
		if err != nil {
			return err
		}
		return write(ctx, filepath.Join(r.options.Folder, StateName), all, map[string]string{stateKey: string(document), digestKey: digest})
	})
	if err != nil {
		return err
	}
	r.kept, r.saved = time.Now(), r.state.Step
	if r.hasNext { // which the state knows from now on
		r.hasNext = false
		return r.useNext()
	}
	return nil
}

// keepBest writes the parameters, beside those that were the best so far.
func (r *run) keepBest(ctx context.Context, parameters []tensor.Named) (digest string, err error) {
	if r.options.Folder == "" {
		return "", nil
	}
	if digest, err = digestOf(ctx, "", parameters); err != nil {
		return "", err
	}
	err = write(ctx, filepath.Join(r.options.Folder, nextName), parameters, nil)
	r.hasNext = err == nil
	return digest, err
}

// useNext renames the file of the new best parameters to that of the best.
func (r *run) useNext() error {
	path := filepath.Join(r.options.Folder, BestName)
	return disk.AtTarget(path, os.Rename(filepath.Join(r.options.Folder, nextName), path))
}

// digestOf returns a digest of a document and of tensors with their names, dtypes and shapes.
func digestOf(ctx context.Context, document string, tensors []tensor.Named) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q\n", document)
	for _, t := range slices.SortedFunc(slices.Values(tensors), func(a, b tensor.Named) int { return strings.Compare(a.Name, b.Name) }) {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		fmt.Fprintf(hash, "%q %s %v\n", t.Name, t.DType, t.Shape)
		if _, err := t.Data.WriteTo(hash); err != nil {
			return "", err
		}
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

// write writes a file of tensors whole, or leaves the one that is there.
func write(ctx context.Context, path string, tensors []tensor.Named, metadata map[string]string) error {
	parts, err := safetensors.Layout(tensors, metadata)
	if err != nil {
		return err
	}
	return output.Write(ctx, path, parts, output.Options{})
}

// OpenBest opens the best parameters of the training. The caller closes them. A file that is not the one that the training wrote is a *[StateError].
func (r *Result) OpenBest(ctx context.Context) (*checkpoint.Checkpoint, error) {
	return openBest(ctx, filepath.Join(r.folder, BestName), r.bestDigest)
}

// openBest opens a file of parameters, which have to have that digest.
func openBest(ctx context.Context, path, digest string) (*checkpoint.Checkpoint, error) {
	file, err := checkpoint.Open(ctx, path, checkpoint.Options{}, safetensors.Format)
	if err != nil {
		return nil, &StateError{Path: path, Err: err}
	}
	found, err := digestOf(ctx, "", file.Tensors)
	if err == nil && found != digest {
		err = errNotWritten
	}
	if err != nil {
		file.Close()
		return nil, &StateError{Path: path, Err: err}
	}
	return file, nil
}

// Begun reports whether a folder has the state of a training of which steps are done, of whichever training that is.
func Begun(ctx context.Context, folder string) bool {
	path := filepath.Join(folder, StateName)
	file, err := checkpoint.Open(ctx, path, checkpoint.Options{}, safetensors.Format)
	if err != nil {
		return false
	}
	defer file.Close()
	found, err := readState(path, file)
	return err == nil && found.Step > 0
}

// readState reads the document of a state.
func readState(path string, file *checkpoint.Checkpoint) (found state, err error) {
	if err := json.Unmarshal([]byte(file.Metadata[stateKey]), &found); err != nil {
		return found, &StateError{Path: path}
	}
	if found.Version != stateVersion {
		return found, &StateError{Path: path, Err: fmt.Errorf("it is a state of version %d, of another version of this program, which reads %d", found.Version, stateVersion)}
	}
	return found, nil
}

// resume reads the state in the folder into the learner, if there is one.
func (r *run) resume(ctx context.Context) error {
	path := filepath.Join(r.options.Folder, StateName)
	file, err := checkpoint.Open(ctx, path, checkpoint.Options{}, safetensors.Format)
	if errors.Is(err, fs.ErrNotExist) {
		return r.checkNoBest()
	} else if err != nil {
		return &StateError{Path: path, Err: err}
	}
	defer file.Close()
	found, err := readState(path, file)
	if err != nil {
		return err
	}
	if found.Step == 0 { // no step would be lost
		return r.checkNoBest()
	}
	digest, err := digestOf(ctx, file.Metadata[stateKey], file.Tensors)
	if err == nil && digest != file.Metadata[digestKey] {
		err = errNotWritten
	}
	if err != nil {
		return &StateError{Path: path, Err: err}
	}
	if differences := r.differences(found); len(differences) > 0 {
		return &StateError{Path: path, Differences: differences}
	}
	if !r.plan.plausible(found) {
		return &StateError{Path: path}
	}
	if err := r.findBest(ctx, found); err != nil {
		return err
	}
	if err := r.restore(ctx, file.Tensors); err != nil {
		return &StateError{Path: path, Err: err}
	}
	r.state, r.saved, r.conditions = found, found.Step, differing(found.Conditions, r.options.Conditions)
	return nil
}

// checkNoBest returns an error if a file is where the best parameters will be, and no state knows it.
func (r *run) checkNoBest() error {
	path := filepath.Join(r.options.Folder, BestName)
	if _, err := os.Lstat(path); r.options.Evaluate == nil || err != nil {
		return nil
	}
	return &StateError{Path: path, Err: errNoState}
}

// findBest makes sure that the best parameters are those that the state knows.
func (r *run) findBest(ctx context.Context, found state) error {
	if found.Best < 0 {
		return r.checkNoBest()
	}
	best, err := openBest(ctx, filepath.Join(r.options.Folder, BestName), found.BestDigest)
	if err == nil {
		return best.Close()
	}
	next, failed := openBest(ctx, filepath.Join(r.options.Folder, nextName), found.BestDigest)
	if failed != nil {
		return err
	}
	return errors.Join(next.Close(), r.useNext()) // killed between the state and this
}

// restore loads the tensors of a state into the learner.
func (r *run) restore(ctx context.Context, tensors []tensor.Named) error {
	var memory engine.Memory
	for _, t := range tensors {
		for _, l := range lists(&memory) {
			if name, ok := strings.CutPrefix(t.Name, l.prefix); ok {
				*l.list = append(*l.list, tensor.Named{Name: name, View: t.View})
			}
		}
	}
	if err := r.complete(memory); err != nil {
		return err
	}
	return r.learner.Restore(ctx, memory)
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
			all = append(all, difference(what, a, b))
		}
	}
	then, now := fields(found.Settings), fields(r.plan.Settings)
	for _, key := range slices.Sorted(maps.Keys(merged(then, now))) {
		add(strings.ReplaceAll(key, "_", " "), orNone(then, key), orNone(now, key))
	}
	add("pictures", found.Pictures, r.plan.Pictures)
	then, now = fields(found.Model), fields(r.plan.Config)
	for _, key := range slices.Sorted(maps.Keys(merged(then, now))) {
		add("the model's "+strings.ReplaceAll(key, "_", " "), orNone(then, key), orNone(now, key))
	}
	return append(all, differing(found.Identity, r.options.Identity)...)
}

// differing says in what properties differ.
func differing(then, now map[string]string) (all []string) {
	for _, key := range slices.Sorted(maps.Keys(merged(then, now))) {
		if a, b := orNone(then, key), orNone(now, key); a != b {
			all = append(all, difference(key, a, b))
		}
	}
	return all
}

// difference says what a property was and is, from a little before the place where that differs if it is long.
func difference(what, then, now string) string {
	const most, before = 80, 20
	at := 0
	for at < min(len(then), len(now)) && then[at] == now[at] {
		at++
	}
	from := func(value string) string {
		if len(value) > most && at > most/2 {
			value = "..." + strings.ToValidUTF8(value[min(at-before, len(value)):], "")
		}
		return text.Shorten(value, most)
	}
	return fmt.Sprintf("%s %s, now %s", what, from(then), from(now))
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

// fields returns the fields of settings, or of an architecture, by their names in JSON.
func fields(s any) map[string]string {
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

// FileNames returns the names of the files that a training may have in its folder.
func FileNames() []string { return []string{StateName, BestName, nextName, lockName, spaceName} }

// Files returns the names of the files in a folder that a training has there, and whether there are others.
func Files(folder string) (own []string, others bool) {
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		if slices.Contains(FileNames(), entry.Name()) {
			own = append(own, entry.Name())
		} else {
			others = true
		}
	}
	return own, others
}
