//go:build libtorch

package torch

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/convert/synth"
	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/zoo/arch"
	"github.com/beitzoo/beitzoo/zoo/engine"
)

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestScratch(t *testing.T) {
	spec := os.Getenv("SCRATCH")
	if spec == "" {
		t.Skip()
	}
	f := strings.Split(spec, ",")
	config, err := arch.ByName(f[0])
	if err != nil {
		t.Fatal(err)
	}
	b, _ := strconv.Atoi(f[1])
	n, _ := strconv.Atoi(f[2])
	reps, _ := strconv.Atoi(f[3])
	dt := tensor.F32
	if len(f) > 4 {
		dt, _ = tensor.ParseDType(f[4])
	}
	start := time.Now()
	w := synth.Weights(config, 0)
	made := time.Since(start)
	start = time.Now()
	m, err := Engine{}.Load(context.Background(), config, w, engine.Options{Threads: n, DType: dt})
	if err != nil {
		t.Fatal(err)
	}
	loaded := time.Since(start)
	in := engine.Input{Pixels: synth.Images(b, config.ImageHeight, config.ImageWidth, 0)}
	var cpu, wall []time.Duration
	for i := range reps + 2 {
		c, s := cpuTime(), time.Now()
		if _, err := m.Forward(context.Background(), in, nil); err != nil {
			t.Fatal(err)
		}
		if i >= 2 {
			cpu, wall = append(cpu, cpuTime()-c), append(wall, time.Since(s))
		}
	}
	slices.Sort(cpu)
	slices.Sort(wall)
	fmt.Printf("%s cpu min %.1f med %.1f ms  wall min %.1f med %.1f  (recipe %v load %v)\n", spec, cpu[0].Seconds()*1e3, cpu[len(cpu)/2].Seconds()*1e3, wall[0].Seconds()*1e3, wall[len(wall)/2].Seconds()*1e3, made, loaded)
}
