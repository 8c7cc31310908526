package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// fixFlags are those of verify that write a repaired checkpoint.
type fixFlags struct {
	fix bool
	// trust means that the reference is right where it or the checkpoint may be wrong.
	trust bool
	save  saveFlags
}

// repairSection is in the help of verify alone.
const repairSection = "Repair"

func (f *fixFlags) flags() []cli.Flag {
	all := []cli.Flag{boolFlag("fix", &f.fix, "restore what the reasons allow to restore, and write it with -o if it then verifies"), boolFlag(
		"trust-reference", &f.trust, "with --fix, restore also what may be a fault of the program that computed the reference: a factor in all blocks",
	)}
	for _, flag := range f.save.flags() {
		switch flag.Names()[0] {
		case "output", "to", "to-map", "format", "wrapper", "dry-run", "no-sync":
			all = append(all, flag)
		}
	}
	for _, flag := range all {
		setCategory(flag, repairSection)
	}
	return all
}

// checkFix refuses what contradicts itself.
func (f verifyFlags) checkFix() error {
	asked := f.fix.save.output != "" || f.fix.save.dryRun
	switch {
	case !f.fix.fix && f.fix.trust:
		return &usageError{"--trust-reference says what --fix may restore", "add --fix, or leave out --trust-reference"}
	case !f.fix.fix && asked:
		return &usageError{"verify writes a checkpoint only with --fix", "add --fix, or leave out -o"}
	case !f.fix.fix:
		return nil
	case countGiven(f.recording, f.against, f.torchScript) == 0:
		return &usageError{"--fix needs a reference: beitzoo's own arithmetic agrees with any weights", "add --recording FILE, or --against CHECKPOINT"}
	case !asked:
		return requireOutput("")
	case f.fix.save.output == "":
		return nil
	}
	if err := f.spareReference(); err != nil {
		return err
	}
	return f.fix.save.checkName()
}

// spareReference returns an error if the output is what the model is compared with, or a file or the folder of it, under whatever name: nobody could verify it
// again.
func (f verifyFlags) spareReference() error {
	there, err := os.Stat(f.fix.save.output)
	if err != nil {
		return nil // what isn't there can't be the reference
	}
	for _, reference := range []string{f.recording, f.against, f.torchScript} {
		files := []string{reference}
		if inside, err := os.ReadDir(reference); err == nil {
			for _, entry := range inside {
				files = append(files, filepath.Join(reference, entry.Name()))
			}
		}
		if target, err := filepath.EvalSymlinks(reference); err == nil {
			files = append(files, filepath.Dir(target))
		}
		for _, file := range files {
			if here, err := os.Stat(file); err == nil && os.SameFile(here, there) {
				return &convert.SameFileError{Source: reference, Target: f.fix.save.output, Folder: there.IsDir() || len(files) > 2}
			}
		}
	}
	return nil
}

// fixed is what --fix did.
type fixed struct {
	// Written says that Saved was written, and Verified that the repaired model agrees with the reference.
	Written  bool `json:"written"`
	Verified bool `json:"verified"`
	// HoldsTo is the dtype to whose rounding it agrees, or empty.
	HoldsTo string `json:"holds_to,omitempty"`
	// Restored are the parameters that have other values than before.
	Restored []restoredTensor `json:"restored"`
	// Refused says why nothing was written, and Hint what to do; both are empty if something was.
	Refused string `json:"refused,omitempty"`
	Hint    string `json:"hint,omitempty"`
	// Remaining are sentences about what no repair of the checkpoint mends.
	Remaining []string   `json:"remaining"`
	Saved     *savedFile `json:"target,omitempty"`
}

// restoredTensor is a parameter with restored values.
type restoredTensor struct {
	Tensor string `json:"tensor"`
	Done   string `json:"done"`
	// Rounded is the number of values that the dtype of the parameter does not hold exactly.
	Rounded int `json:"rounded"`
}

// fixing is what a repair needs.
type fixing struct {
	model *convert.Model
	// again verifies other weights of the model. rounded are those that were computed and rounded.
	again func(ctx context.Context, weights []tensor.Named, rounded []string) (*verify.Result, error)
	flags verifyFlags
}

// fix repairs the model, writes it, and returns what was done. The error, if it is a refusal, is also in what it returns.
func (f fixing) fix(ctx context.Context, c *console, result *verify.Result) (*fixed, error) {
	done := &fixed{Restored: []restoredTensor{}, Remaining: []string{}}
	repair, err := result.Repair(f.model.Tensors, f.flags.fix.trust)
	if err == nil {
		for _, r := range repair.Restored {
			done.Restored = append(done.Restored, restoredTensor{r.Tensor, r.Says, r.Rounded})
		}
		done.remain(repair.Remaining)
		err = f.write(ctx, c, repair, done)
	}
	if nothing := (*verify.NothingToRestoreError)(nil); errors.As(err, &nothing) {
		done.remain(nothing.Remaining)
	}
	if err != nil && !errors.Is(errdef.Kind(err), errdef.ErrDiffers) {
		return nil, err
	}
	if err != nil {
		done.Refused, done.Hint = err.Error(), hintOf(err)
	}
	return done, err
}

func (d *fixed) remain(findings []blame.Finding) {
	for _, f := range findings {
		d.Remaining = append(d.Remaining, f.Sentence)
	}
}

// write writes the repaired model, if it verifies.
func (f fixing) write(ctx context.Context, c *console, repair *verify.Repair, done *fixed) error {
	bar := c.newProgress("writing")
	defer bar.finish()
	options, err := f.flags.fix.save.options(bar)
	if err != nil {
		return err
	}
	verified := func(weights []tensor.Named) error {
		again, err := f.again(ctx, weights, repair.Rounded)
		if err == nil && !again.OK {
			err = &verify.NotRepairedError{FirstDivergence: again.FirstDivergence, Remaining: repair.Remaining}
		}
		if done.Verified = err == nil; done.Verified {
			done.HoldsTo = again.HoldsTo.String()
		}
		return err
	}
	if options.DryRun {
		if err := verified(repair.Weights); err != nil || f.flags.fix.save.output == "" {
			return err
		}
	}
	step, err := f.step(ctx, repair)
	if err != nil {
		return err
	}
	options.Prove, options.Announce = true, announceSize(c)
	options.Check = func(_ context.Context, written *convert.Model) error { return verified(written.Tensors) }
	saved, err := f.model.Rewrite(ctx, f.flags.fix.save.output, repair.Weights, step, options)
	if err != nil {
		return err
	}
	if len(f.model.KeyBias) > 0 {
		saved.Notes = append(saved.Notes, "the biases of the keys are left out, since softmax does not see them: "+text.List(f.model.KeyBias, 3, ""))
	}
	remarkAll(c, saved.Notes)
	file := savedFileOf(saved)
	done.Saved, done.Written = &file, !options.DryRun
	return nil
}

// step records what was done, and what it was compared with.
func (f fixing) step(ctx context.Context, repair *verify.Repair) (adapt.Step, error) {
	reference := "another model, " + text.Quote(filepath.Base(cmp.Or(f.flags.against, f.flags.torchScript)))
	if f.flags.recording != "" {
		digest, err := fileDigest(ctx, f.flags.recording)
		if err != nil {
			return adapt.Step{}, err
		}
		reference = "the recording sha256:" + digest
	}
	step := adapt.Step{Name: adapt.StepRepair, What: repair.Sentence(reference), Rounded: repair.Rounded}
	for _, r := range repair.Restored {
		step.Tensors = append(step.Tensors, r.Tensor)
	}
	return step, nil
}

// print says what was done.
func (d *fixed) print(c *console) {
	c.printf("")
	for _, r := range d.Restored {
		line := ""
		if r.Rounded > 0 {
			line = fmt.Sprintf(" (%s rounded)", text.Count(r.Rounded, "value", "values"))
		}
		c.printf("fix    %s: %s%s", r.Tensor, r.Done, line)
	}
	switch {
	case d.Refused != "":
		c.printf("nothing was written: %s", d.Refused)
	case d.Saved == nil:
		c.printf("nothing was written, since it is a dry run: with this the model verifies")
	case !d.Written:
		c.printf("with this the model verifies")
		c.printf("would write %s: %s, scheme %s, %d tensors, %s", d.Saved.Path, d.Saved.Format, d.Saved.Scheme, d.Saved.Tensors, humanize.Bytes(uint64(d.Saved.Bytes)))
	default:
		c.printf("wrote  %s: %s, scheme %s, %d tensors, %s", d.Saved.Path, d.Saved.Format, d.Saved.Scheme, d.Saved.Tensors, humanize.Bytes(uint64(d.Saved.Bytes)))
		c.printf("verified %s: before it got its name, every activation that the reference has was within the rounding of %s", d.Saved.Path, d.HoldsTo)
	}
	for _, loss := range d.losses() {
		c.printf("lost   %s", loss)
	}
	if d.Hint != "" {
		c.printf("hint: %s", d.Hint)
	}
}

// losses returns what the target can't hold of the model's card.
func (d *fixed) losses() (all []string) {
	if d.Saved == nil {
		return nil
	}
	for _, loss := range d.Saved.Saved.Lost {
		all = append(all, lossText(loss))
	}
	return all
}
