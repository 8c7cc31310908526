package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// statusFlags are the flags of yank and of deprecate.
type statusFlags struct {
	sign              signFlags
	zoo               zooFlags
	reason, successor string
	undo, dryRun      bool
}

func yankCommand(c *console) *cli.Command {
	command := statusCommand(c, manifest.Withdrawn)
	command.Name, command.Aliases = "yank", []string{"withdraw"}
	command.Usage = "withdraw published versions that are wrong: they are used only where their version is named"
	command.Description = about("Nothing is deleted. Who asks for NAME gets the latest version that is not withdrawn; who asks for NAME@VERSION still gets it, with a warning and\n"+
		"the reason, so that work which depends on it can be repeated. The reason stands in the signed index of PLACE, so mirrors and bundles carry it.",
		`beitzoo yank my_beit@1.1.0 zoo/ --reason "the labels are in the wrong order" --successor my_beit@1.1.1 --sign key.sec`,
		"beitzoo yank my_beit@1.1.0 zoo/ --undo --sign key.sec",
	)
	return command
}

func deprecateCommand(c *console) *cli.Command {
	command := statusCommand(c, manifest.Deprecated)
	command.Name = "deprecate"
	command.Usage = "say that published versions should no longer be used, and what to use instead"
	command.Description = about("A deprecated version is found and pulled as before; whoever uses it is told the reason and the successor. See also: beitzoo yank",
		`beitzoo deprecate my_beit@1.0.0 zoo/ --reason "version 2 is more accurate" --successor my_beit@2.0.0 --sign key.sec`,
		"beitzoo deprecate my_beit@1.0.0 zoo/ --undo --sign key.sec",
	)
	return command
}

// statusCommand returns the command that gives entries a status of that state, without name and texts.
func statusCommand(c *console, state string) *cli.Command {
	var f statusFlags
	return &cli.Command{
		ArgsUsage: "NAME@VERSION... PLACE --reason TEXT --sign KEY",
		Flags: c.flags([]cli.Flag{
			stringFlag("reason", &f.reason, "why, in one line: the `TEXT` that everybody reads who meets the entry"),
			stringFlag("successor", &f.successor, "what to use instead: `NAME` or NAME@VERSION, of the same place"),
			boolFlag("undo", &f.undo, "take back what was said"),
			boolFlag("dry-run", &f.dryRun, "check everything, say what would change, and write nothing"),
		}, f.sign.flags(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error {
			last := len(args) - 1
			return setStatus(ctx, c, state, args[:last], args[last], f)
		}),
	}
}

// change returns what the flags say about entries, without the key.
func (f statusFlags) change(state string, names []string) (zoo.StatusChange, error) {
	change := zoo.StatusChange{Expires: f.sign.until(), DryRun: f.dryRun}
	if f.undo {
		change.Undo = state
		if f.reason != "" || f.successor != "" {
			return change, &usageError{"--undo takes back a reason and a successor, so none can be given with it", "leave out --undo, or --reason and --successor"}
		}
	} else {
		change.Status = &manifest.Status{State: state, Reason: f.reason, Successor: f.successor}
		if err := required("reason", "TEXT", f.reason); err != nil {
			return change, err
		}
	}
	for _, name := range names {
		reference, err := manifest.ParseReference(name)
		if err != nil {
			return change, err
		}
		change.Entries = append(change.Entries, reference)
	}
	return change, required("sign", "KEY", f.sign.key)
}

func setStatus(ctx context.Context, c *console, state string, names []string, destination string, f statusFlags) error {
	change, err := f.change(state, names)
	if err != nil {
		return err
	}
	z, to, err := f.zoo.openWithDestination(ctx, c, destination)
	if err != nil {
		return err
	}
	if change.Key, err = readSecretKey(c, f.sign.key); err != nil {
		return err
	}
	result, err := z.SetStatus(ctx, to, change)
	if err != nil {
		return err
	}
	return printStatusChange(c, to.String(), change, result)
}

// statusChange is what yank and deprecate print with --json.
type statusChange struct {
	Place string `json:"place"`
	// Status is what is said about the entries now; null if it was taken back.
	Status       *manifest.Status `json:"status"`
	Changed      []string         `json:"changed"`
	Unchanged    []string         `json:"unchanged"`
	IndexVersion int64            `json:"index_version"`
	DryRun       bool             `json:"dry_run"`
}

func printStatusChange(c *console, at string, change zoo.StatusChange, result *zoo.StatusResult) error {
	report := statusChange{Place: at, Status: change.Status, Changed: []string{}, Unchanged: []string{}, IndexVersion: result.Index.Version, DryRun: change.DryRun}
	for _, reference := range change.Entries {
		if slices.Contains(result.Changed, reference) {
			report.Changed = append(report.Changed, reference.String())
		} else {
			report.Unchanged = append(report.Unchanged, reference.String())
		}
	}
	return c.result(report, func() {
		verb := "is"
		if change.DryRun {
			verb = "would be"
		}
		for _, name := range report.Changed {
			c.printf("%s %s %s", name, verb, statusOr(change.Status, "no longer "+change.Undo))
		}
		for _, name := range report.Unchanged {
			c.printf("nothing to do: %s is %s", name, statusOr(change.Status, "not "+change.Undo))
		}
		for _, name := range namesOf(result.Changed) {
			printLatest(c, verb, name, result.Index)
		}
		if change.DryRun {
			c.printf("nothing was written to %s (--dry-run)", at)
		} else {
			c.printf("%s: index version %d, believed until %s", at, result.Index.Version, result.Index.Expires)
		}
	})
}

// statusOr returns a status as text, or otherwise if there is none.
func statusOr(status *manifest.Status, otherwise string) string {
	if status == nil {
		return otherwise
	}
	return status.String()
}

// namesOf returns the names of references, each once.
func namesOf(references []manifest.Reference) []string {
	var names []string
	for _, reference := range references {
		if !slices.Contains(names, reference.Name) {
			names = append(names, reference.Name)
		}
	}
	return names
}

// printLatest says what a name without a version stands for.
func printLatest(c *console, verb, name string, index *manifest.Index) {
	latest := "nothing: all its versions are withdrawn"
	if entry, err := index.Find(manifest.Reference{Name: name}); err == nil {
		latest = entry.Reference().String()
	}
	c.printf("%s without a version %s %s", name, verb, latest)
}

// markTitle returns a title with the state before it, for lists.
func markTitle(title string, status *manifest.Status) string {
	if status == nil {
		return title
	}
	return fmt.Sprintf("(%s) %s", status.State, title)
}
