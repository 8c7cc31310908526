package main

import (
	"fmt"
	"os"
	"time"

	"aead.dev/minisign"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// signFlags say who signs, and for how long the index is believed.
func signFlags() []cli.Flag {
	return []cli.Flag{
		&cli.PathFlag{Name: "sign", Required: true, Usage: "the minisign secret `KEY` file; its password is asked for, or read from BEITZOO_PASSWORD"},
		&cli.TimestampFlag{Name: "expires", Layout: time.DateOnly, Usage: "the `DATE` until which readers believe the index; a year from now where not given"},
	}
}

// expires reads --expires; zero where it is not given.
func expires(ctx *cli.Context) time.Time {
	if date := ctx.Timestamp("expires"); date != nil {
		return *date
	}
	return time.Time{}
}

// secretKey reads the key of --sign and asks for its password on the terminal, or takes it from the environment where there is none.
func secretKey(c *console, ctx *cli.Context) (minisign.PrivateKey, error) {
	return manifest.ReadSecretKey(ctx.Path("sign"), func() (string, error) {
		if password, ok := os.LookupEnv("BEITZOO_PASSWORD"); ok {
			return password, nil
		}
		if !term.IsTerminal(int(os.Stdin.Fd())) {
			return "", &usageError{"the key is encrypted, and there is no terminal to ask for its password", "set BEITZOO_PASSWORD"}
		}
		fmt.Fprint(c.err, "Password of the key: ")
		password, err := term.ReadPassword(int(os.Stdin.Fd()))
		c.notef("")
		return string(password), err
	})
}
