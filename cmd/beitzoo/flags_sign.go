package main

import (
	"fmt"
	"os"
	"time"

	"aead.dev/minisign"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/beitzoo/beitzoo/zoo/trust"
)

// signFlags say who signs an index, and for how long it is believed.
type signFlags struct {
	key     string
	expires cli.Timestamp
}

func (f *signFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.PathFlag{Name: "sign", Destination: &f.key, Usage: "the file with the minisign secret `KEY`; its password is asked for, or read from BEITZOO_PASSWORD"},
		&cli.TimestampFlag{
			Name: "expires", Destination: &f.expires, Layout: time.DateOnly, DefaultText: "a year from now",
			Usage: "the `DATE` until which readers believe the index, such as 2030-12-31",
		},
	}
}

// until returns the value of --expires; zero if it is not given.
func (f signFlags) until() time.Time {
	if date := f.expires.Value(); date != nil {
		return *date
	}
	return time.Time{}
}

// readSecretKey reads a key and asks for its password on the terminal, unless the environment has it.
func readSecretKey(c *console, path string) (minisign.PrivateKey, error) {
	return trust.ReadSecretKey(path, func() (string, error) {
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
