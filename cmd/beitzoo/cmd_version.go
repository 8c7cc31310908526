package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// versionInfo is what `beitzoo version --json` prints.
type versionInfo struct {
	Version  string   `json:"version"`
	Revision string   `json:"revision,omitempty"`
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
	Engines  []string `json:"engines"`
}

func versionCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version, and which engines this build has",
		Description: about("",
			"beitzoo version --json",
		),
		Flags:  []cli.Flag{c.jsonFlag()},
		Action: action(func(context.Context, []string) error { return printVersion(c) }),
	}
}

func printVersion(c *console) error {
	info := version()
	return c.result(info, func() {
		c.printf("beitzoo %s (%s, %s)", info.Version, info.Go, info.Platform)
		for _, name := range info.Engines {
			c.printf("engine: %s", name)
		}
	})
}

func version() versionInfo {
	info := versionInfo{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	for _, e := range engines() {
		info.Engines = append(info.Engines, e.Name())
	}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	if build.Main.Version != "" {
		info.Version = build.Main.Version
	}
	for _, setting := range build.Settings {
		if setting.Key == "vcs.revision" {
			info.Revision = setting.Value
		}
	}
	return info
}
