package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"aead.dev/minisign"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

func keyCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "key",
		Usage: "make keys, and say which keys may sign for a place",
		Description: about("Keys are those of minisign, and the programs read each other's. Each place has a list of keys: a root may change the list, and a publisher may only publish.",
			"beitzoo key generate -o key.sec",
			"beitzoo key add zoo/ colleague.pub --sign key.sec",
			"beitzoo key rotate zoo/ new.sec --sign key.sec",
		),
		Subcommands: []*cli.Command{
			generateKeyCommand(c), showKeyCommand(c), changePasswordCommand(c), listKeysCommand(c), addKeyCommand(c), rotateKeyCommand(c), retireKeyCommand(c), revokeKeyCommand(c),
		},
	}
}

func noPasswordFlag(to *bool) cli.Flag {
	return boolFlag("no-password", to, "write the key without a password: whoever can read the file can sign")
}

// keyReport is what generate, show and change-password print with --json.
type keyReport struct {
	// File is the secret key, and PublicFile the public one; both may be empty.
	File       string `json:"file,omitempty"`
	PublicFile string `json:"public_file,omitempty"`
	Key        string `json:"key"`
	ID         string `json:"id"`
	// Secret says that File has the secret key, and Encrypted that it needs a password.
	Secret    bool `json:"secret"`
	Encrypted bool `json:"encrypted"`
}

func (r keyReport) print(c *console) error {
	return c.result(r, func() {
		c.printf("public key  %s", r.Key)
		c.printf("id          %s", r.ID)
		switch {
		case !r.Secret:
		case r.Encrypted:
			c.printf("secret key  %s, encrypted", r.File)
		default:
			c.printf("secret key  %s, without a password", r.File)
		}
		if r.PublicFile != "" {
			c.printf("public in   %s", r.PublicFile)
		}
	})
}

func generateKeyCommand(c *console) *cli.Command {
	var path string
	var noPassword bool
	return &cli.Command{
		Name:      "generate",
		Usage:     "make a key pair with which to sign what you publish",
		ArgsUsage: "-o FILE",
		Description: about("FILE gets the secret key, and a file beside it that ends in .pub the public one, which readers need: for key.sec that is key.pub. Neither may exist.\n"+
			"The password is asked for twice, or read from BEITZOO_PASSWORD. Keep a copy: without the secret key nobody can publish again.",
			"beitzoo key generate -o key.sec",
		),
		Flags:  c.flags([]cli.Flag{outputFlag(&path, "the `FILE` for the secret key"), noPasswordFlag(&noPassword)}),
		Action: action(func(context.Context, []string) error { return generateKey(c, path, noPassword) }),
	}
}

func generateKey(c *console, path string, noPassword bool) error {
	if err := requireOutput(path); err != nil {
		return err
	}
	public := strings.TrimSuffix(path, filepath.Ext(path)) + ".pub"
	if public == path {
		return &usageError{fmt.Sprintf("%s is a name for a public key, and -o names the secret one", path), "try: -o " + strings.TrimSuffix(path, ".pub") + ".sec"}
	}
	for _, file := range []string{path, public} {
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			return &usageError{fmt.Sprintf("%s exists already, and a key is never overwritten", file), "give another name"}
		}
	}
	password, err := newPassword(c, path, noPassword, passwordVariable)
	if err != nil {
		return err
	}
	key, err := trust.GenerateKey()
	if err != nil {
		return err
	}
	secretFile, err := trust.EncodeSecretKey(key, password)
	if err != nil {
		return err
	}
	report, err := reportOf(key)
	if err != nil {
		return err
	}
	publicFile, err := trust.EncodePublicKey(report.public)
	if err != nil {
		return err
	}
	if err := writeNew(path, secretFile, 0o600); err != nil {
		return err
	}
	if err := writeNew(public, publicFile, 0o644); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	report.File, report.PublicFile, report.Encrypted = path, public, password != ""
	return report.print(c)
}

// secretReport is the keyReport of a secret key.
type secretReport struct {
	keyReport
	public minisign.PublicKey
}

func reportOf(key minisign.PrivateKey) (secretReport, error) {
	public, ok := key.Public().(minisign.PublicKey)
	if !ok {
		return secretReport{}, fmt.Errorf("the secret key %s has no public key", trust.KeyID(key.ID())) // never: the library returns that type
	}
	return secretReport{keyReport{Key: public.String(), ID: trust.KeyID(public.ID()), Secret: true}, public}, nil
}

func showKeyCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "print the public key and the id of a key, and whether the secret key needs a password",
		ArgsUsage: "KEY",
		Description: about("KEY is a file with a secret or a public key, or the public key itself. To see what is in an encrypted secret key, its password is needed.",
			"beitzoo key show key.sec",
			"beitzoo key show key.pub",
		),
		Flags:  c.flags(),
		Action: action(func(_ context.Context, args []string) error { return showKey(c, args[0]) }),
	}
}

func showKey(c *console, path string) error {
	if secret, encrypted, err := trust.IsSecretKey(path); err == nil && secret {
		key, err := readSecretKey(c, path)
		if err != nil {
			return err
		}
		report, err := reportOf(key)
		if err != nil {
			return err
		}
		report.File, report.Encrypted = path, encrypted
		return report.print(c)
	}
	public, err := trust.ReadPublicKey(path)
	if err != nil {
		return err
	}
	return keyReport{Key: public.String(), ID: trust.KeyID(public.ID())}.print(c)
}

func changePasswordCommand(c *console) *cli.Command {
	var noPassword bool
	return &cli.Command{
		Name:      "change-password",
		Usage:     "encrypt a secret key with another password, or with none",
		ArgsUsage: "FILE",
		Description: about("The key stays the same. The old password is asked for, or read from BEITZOO_PASSWORD, and the new one from BEITZOO_NEW_PASSWORD.\n"+
			"Copies of the file keep the old password.",
			"beitzoo key change-password key.sec",
		),
		Flags:  c.flags([]cli.Flag{noPasswordFlag(&noPassword)}),
		Action: action(func(_ context.Context, args []string) error { return changePassword(c, args[0], noPassword) }),
	}
}

func changePassword(c *console, path string, noPassword bool) error {
	key, err := readSecretKey(c, path)
	if err != nil {
		return err
	}
	password, err := newPassword(c, path, noPassword, newPasswordVariable)
	if err != nil {
		return err
	}
	content, err := trust.EncodeSecretKey(key, password)
	if err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks(path) // replace the file, not a link to it
	if err != nil {
		return err
	}
	if err := disk.WriteFile(target, content, 0o600); err != nil {
		return err
	}
	report, err := reportOf(key)
	if err != nil {
		return err
	}
	report.File, report.Encrypted = path, password != ""
	return report.print(c)
}
