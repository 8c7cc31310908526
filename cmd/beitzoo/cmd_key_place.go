package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"aead.dev/minisign"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// placeKey is a key of a place, in the output of `key ls` and `trust ls`.
type placeKey struct {
	Key     string            `json:"key"`
	ID      string            `json:"id"`
	Role    manifest.Role     `json:"role"`
	State   manifest.KeyState `json:"state"`
	Name    string            `json:"name,omitempty"`
	Added   string            `json:"added,omitempty"`
	Removed string            `json:"removed,omitempty"`
	Reason  string            `json:"reason,omitempty"`
}

func placeKeys(list *trust.KeyList) []placeKey {
	keys := []placeKey{}
	for _, key := range list.Keys {
		keys = append(keys, placeKey{key.Key, trust.KeyID(key.ID()), key.Role, key.State, key.Name, key.Added, key.Removed, key.Reason})
	}
	return keys
}

// String returns one line with everything that is known of the key.
func (k placeKey) String() string {
	said := k.Key + "  " + string(k.Role)
	if k.Name != "" {
		said += " " + k.Name
	}
	if k.Added != "" {
		said += ", added " + k.Added
	}
	if k.State != manifest.Active {
		said += fmt.Sprintf(", %s %s: %s", k.State, k.Removed, k.Reason)
	}
	return said
}

// placeKeysReport is what the commands for the keys of a place print with --json.
type placeKeysReport struct {
	Place        string     `json:"place"`
	IndexVersion int64      `json:"index_version"`
	Keys         []placeKey `json:"keys"`
	// Refused are the entries that nobody can pull, because no valid key has signed them.
	Refused []string `json:"refused"`
	// DryRun reports that nothing was written, and the rest is what would be.
	DryRun bool `json:"dry_run"`
}

func printPlaceKeys(c *console, keys *zoo.KeysResult, dryRun bool) error {
	report := placeKeysReport{Place: keys.Place, IndexVersion: keys.IndexVersion, Keys: placeKeys(keys.Keys), Refused: []string{}, DryRun: dryRun}
	for _, reference := range keys.Refused {
		report.Refused = append(report.Refused, reference.String())
	}
	return c.result(report, func() {
		c.printf("%s, index version %d", report.Place, report.IndexVersion)
		for _, key := range report.Keys {
			c.printf("  key    %s", key)
		}
		if len(keys.Keys.Changes) == 0 {
			c.printf("  the index has no list of keys yet; the first change makes one")
		}
		if len(report.Refused) > 0 {
			c.printf("  nobody can pull %s: no valid key has signed %s", strings.Join(report.Refused, ", "), text.Count(len(report.Refused), "manifest", "manifests"))
			c.printf("  look at them, then: beitzoo manifest renew %s --sign KEY --re-sign %s", report.Place, report.Refused[0])
		}
		if dryRun {
			c.printf("so it would be; nothing was written to %s (--dry-run)", report.Place)
		}
	})
}

func listKeysCommand(c *console) *cli.Command {
	var f zooFlags
	return &cli.Command{
		Name: "ls", Aliases: []string{"list"}, Usage: "list the keys of a place, and since when and for what they are", ArgsUsage: "PLACE",
		Description: about("", "beitzoo key ls https://example.org/zoo --trust key.pub"),
		Flags:       c.flags(f.flags()),
		Action: action(func(ctx context.Context, args []string) error {
			z, err := f.open(ctx, c)
			if err != nil {
				return err
			}
			network, err := f.network(c)
			if err != nil {
				return err
			}
			at, closer, err := place.Open(ctx, args[0], network)
			if err != nil {
				return err
			}
			defer closer.Close()
			keys, err := z.Keys(ctx, at)
			if err != nil {
				return err
			}
			return printPlaceKeys(c, keys, false)
		}),
	}
}

// keyChangeFlags are the flags of the commands that change the keys of a place.
type keyChangeFlags struct {
	sign   signFlags
	places zooFlags
	reason string
	dryRun bool
}

func (f *keyChangeFlags) flags(own ...cli.Flag) []cli.Flag {
	own = append(own, boolFlag("dry-run", &f.dryRun, "say what the keys would be and which entries would be refused, and write nothing"))
	return slices.Concat(own, f.sign.flags(), f.places.flags())
}

func (f *keyChangeFlags) reasonFlag(usage string) cli.Flag {
	return stringFlag("reason", &f.reason, usage)
}

// change reads the key, changes the list, and prints it.
func (f *keyChangeFlags) change(ctx context.Context, c *console, destination string, complete func(*zoo.KeysChange, place.Destination, *zoo.Zoo) error) error {
	if err := required("sign", "KEY", f.sign.key); err != nil {
		return err
	}
	z, to, err := f.places.openWithDestination(ctx, c, destination)
	if err != nil {
		return err
	}
	change := zoo.KeysChange{Expires: f.sign.until(), DryRun: f.dryRun}
	if change.Key, err = readSecretKey(c, f.sign.key); err != nil {
		return err
	}
	if err := complete(&change, to, z); err != nil {
		return err
	}
	keys, err := z.ChangeKeys(ctx, to, change)
	if err != nil {
		return err
	}
	return printPlaceKeys(c, keys, f.dryRun)
}

// checkKeyText returns an error unless a name or a reason can stand in a list of keys.
func checkKeyText(flag, shown string) error {
	if err := manifest.CheckKeyText(shown); err != nil {
		return &usageError{fmt.Sprintf("--%s %s", flag, err), fmt.Sprintf("give a line of at most %d bytes", manifest.MaxKeyText)}
	}
	return nil
}

func addKeyCommand(c *console) *cli.Command {
	var f keyChangeFlags
	var role, name string
	return &cli.Command{
		Name: "add", Usage: "let another key publish at a place", ArgsUsage: "PLACE PUBLICKEY --sign ROOT",
		Description: about("A publisher signs the index and what it publishes; a root changes the list of keys as well. Readers follow by themselves.",
			"beitzoo key add zoo/ colleague.pub --sign key.sec --name Ada",
			"beitzoo key add zoo/ offline.pub --sign key.sec --role root",
		),
		Flags: c.flags(f.flags(
			&cli.StringFlag{Name: "role", Destination: &role, Value: string(manifest.Publisher), Usage: "the `ROLE` of the new key: publisher or root"},
			stringFlag("name", &name, "the `NAME` of its owner, for people"),
		)),
		Action: action(func(ctx context.Context, args []string) error {
			if role != string(manifest.Root) && role != string(manifest.Publisher) {
				return &usageError{fmt.Sprintf("--role %q is not a role", role), "a key is a publisher or a root"}
			}
			if err := checkKeyText("name", name); err != nil {
				return err
			}
			key, err := trust.ReadPublicKey(args[1])
			if err != nil {
				return err
			}
			return f.change(ctx, c, args[0], func(change *zoo.KeysChange, _ place.Destination, _ *zoo.Zoo) error {
				change.Add = []manifest.NewKey{{Key: key.String(), Role: manifest.Role(role), Name: name}}
				return nil
			})
		}),
	}
}

func rotateKeyCommand(c *console) *cli.Command {
	var f keyChangeFlags
	var name string
	var stolen bool
	return &cli.Command{
		Name: "rotate", Usage: "put a new root key in the place of the one that signs", ArgsUsage: "PLACE NEWKEY --sign OLDKEY",
		Description: about("NEWKEY is a file with a secret key; its password is asked for, or read from BEITZOO_NEW_PASSWORD. Both keys sign the change, and the new one\n"+
			"signs the index and all manifests that the old one has signed. With --stolen the old key is revoked, and its manifests stay refused until you have\n"+
			"looked at them, since whoever has the old key may have made them.\n"+
			"Readers follow by themselves. Tell new readers the new key.",
			"beitzoo key rotate zoo/ new.sec --sign old.sec",
			"beitzoo key rotate zoo/ new.sec --sign old.sec --stolen --reason lost",
		),
		Flags: c.flags(f.flags(
			boolFlag("stolen", &stolen, "somebody else may have the old key: nothing that it signed is valid any more"),
			f.reasonFlag("why, in one line: a `TEXT` for people"),
			stringFlag("name", &name, "the `NAME` of the owner of the new key, for people; without it, that of the old one"),
		)),
		Action: action(func(ctx context.Context, args []string) error {
			for flag, shown := range map[string]string{"name": name, "reason": f.reason} {
				if err := checkKeyText(flag, shown); err != nil {
					return err
				}
			}
			return f.change(ctx, c, args[0], func(change *zoo.KeysChange, to place.Destination, z *zoo.Zoo) error {
				successor, err := readKeyWith(c, args[1], newPasswordVariable)
				if err != nil {
					return err
				}
				next, err := reportOf(successor)
				if err != nil {
					return err
				}
				last, err := reportOf(change.Key)
				if err != nil {
					return err
				}
				if name == "" {
					name = nameOf(ctx, z, to, change.Key)
				}
				removed := manifest.RemovedKey{Key: last.Key, State: manifest.Retired, Reason: cmp.Or(f.reason, "replaced by "+next.ID)}
				change.Successor, change.Resign = &successor, trust.Keyring{last.public}
				if stolen {
					removed.State, removed.Reason, change.Resign = manifest.Revoked, cmp.Or(f.reason, "stolen, and replaced by "+next.ID), nil
				}
				change.Add = []manifest.NewKey{{Key: next.Key, Role: manifest.Root, Name: name}}
				change.Remove = []manifest.RemovedKey{removed}
				return nil
			})
		}),
	}
}

// nameOf returns the name that a place has for a key, or "".
func nameOf(ctx context.Context, z *zoo.Zoo, at place.Place, key minisign.PrivateKey) string {
	keys, err := z.KeysToChange(ctx, at, key)
	if err != nil {
		return "" // changing the list reports it
	}
	public, _ := key.Public().(minisign.PublicKey)
	listed, _ := keys.Find(public)
	return listed.Name
}

func retireKeyCommand(c *console) *cli.Command {
	return removeKeyCommand(c, &cli.Command{
		Name: "retire", Usage: "let a key publish no longer", ArgsUsage: "PLACE KEY --sign ROOT",
		Description: about("For the key of somebody who leaves. What it signed stays valid. KEY is a public key, a file with one, or its id.",
			"beitzoo key retire zoo/ colleague.pub --sign key.sec --reason left",
		),
	}, manifest.Retired, "no longer needed")
}

func revokeKeyCommand(c *console) *cli.Command {
	return removeKeyCommand(c, &cli.Command{
		Name: "revoke", Usage: "declare a key stolen: nothing that it signed is valid any more", ArgsUsage: "PLACE KEY --sign ROOT",
		Description: about("Manifests that it signed are refused until you have looked at them and signed them again; they are listed.\n"+
			"KEY is a public key, a file with one, or its id. "+
			"For a root that is the only one: beitzoo key rotate --stolen.",
			"beitzoo key revoke zoo/ colleague.pub --sign key.sec --reason lost",
		),
	}, manifest.Revoked, "may be in the wrong hands")
}

// removeKeyCommand completes a command that moves a key to a state.
func removeKeyCommand(c *console, command *cli.Command, state manifest.KeyState, why string) *cli.Command {
	var f keyChangeFlags
	command.Flags = c.flags(f.flags(f.reasonFlag("why, in one line: a `TEXT` for people")))
	command.Action = action(func(ctx context.Context, args []string) error {
		if err := checkKeyText("reason", f.reason); err != nil {
			return err
		}
		return f.change(ctx, c, args[0], func(change *zoo.KeysChange, to place.Destination, z *zoo.Zoo) error {
			key, err := keyAt(ctx, z, to, change.Key, args[1])
			if err != nil {
				return err
			}
			change.Remove = []manifest.RemovedKey{{Key: key.String(), State: state, Reason: cmp.Or(f.reason, why)}}
			return nil
		})
	})
	return command
}

// keyAt returns the key that an argument names: as trust.ReadPublicKey does, or by the id that a key of the place has.
func keyAt(ctx context.Context, z *zoo.Zoo, at place.Place, by minisign.PrivateKey, argument string) (minisign.PublicKey, error) {
	id, err := strconv.ParseUint(argument, 16, 64)
	if err != nil || len(argument) != 16 {
		return trust.ReadPublicKey(argument)
	}
	keys, err := z.KeysToChange(ctx, at, by)
	if err != nil {
		return minisign.PublicKey{}, err
	}
	for _, key := range keys.Keys {
		if key.ID() == id {
			return key.PublicKey, nil
		}
	}
	return minisign.PublicKey{}, &usageError{fmt.Sprintf("%s has no key with the id %s", at, argument), "`beitzoo key ls` lists its keys"}
}
