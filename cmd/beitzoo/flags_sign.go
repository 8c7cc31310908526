package main

import (
	"time"

	"github.com/urfave/cli/v2"
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
