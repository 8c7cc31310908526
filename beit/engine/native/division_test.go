package native

import (
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// TestDivide_TakesEachOnce draws products and makes sure that each panel of each tile is in one task.
func TestDivide_TakesEachOnce(t *testing.T) {
	t.Parallel()
	for tiles := 1; tiles < 90; tiles += 7 {
		for panels := 1; panels < 130; panels += 11 {
			for _, threads := range []int{1, 2, 3, 16, 64} {
				const most = 24
				d := divide(tiles, most, panels, threads)
				if d.high > most {
					t.Errorf("%+v takes more than %d tiles", d, most)
				}
				times := make([]int, tiles*panels)
				for i := range d.tasks() {
					first, last, from, to := d.task(i)
					for tile := first; tile < last; tile++ {
						for panel := from; panel < to; panel++ {
							times[tile*panels+panel]++
						}
					}
				}
				if slices.ContainsFunc(times, func(n int) bool { return n != 1 }) {
					t.Errorf("%+v of %d tiles and %d panels: %v", d, tiles, panels, times)
				}
			}
		}
	}
}

// span returns when the last of threads is done with tasks, each of which goes to the thread that is free first.
func span(threads int, costs []int) int {
	busy := make([]int, threads)
	for _, cost := range costs {
		i := slices.Index(busy, slices.Min(busy))
		busy[i] += cost
	}
	return slices.Max(busy)
}

// TestDivide_KeepsThreadsBusy computes how long the products and the attention of each block would take where all threads are as fast as one alone. What it computes is in
// docs/libtorch.md.
func TestDivide_KeepsThreadsBusy(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"beit_base_p16_224", "beit_base_p16_384", "beit_large_p16_224", "beit_large_p16_384", "beit_large_p16_512"} {
		config, err := arch.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, tile := range [][2]int{{12, 32}, {6, 16}, {12, 8}} { // of AVX-512, AVX2 and NEON, in float32
			alone, least := 0, 1.0
			var shares []float64
			mlp := [][2]int{{config.EmbedDim, config.HiddenDim}, {config.HiddenDim, config.EmbedDim}}
			for _, threads := range []int{1, 2, 4, 8, 16} {
				time, tiles := 0, divideUp(config.Tokens(), tile[0])
				layers := [][2]int{{config.EmbedDim, 3 * config.EmbedDim}, {config.EmbedDim, config.EmbedDim}}
				if tasks, even := divideRows(tiles, mostThrough(config.EmbedDim, tile[0], 4), threads); even {
					var costs []int
					for i := range tasks {
						first, last := rowsOf(i, tiles, tasks)
						costs = append(costs, 2*(last-first)*tile[0]*config.EmbedDim*config.HiddenDim)
					}
					time += span(threads, costs)
				} else {
					layers = append(layers, mlp...)
				}
				for _, layer := range layers {
					d := divide(tiles, 288/tile[0], divideUp(layer[1], tile[1]), threads)
					var costs []int
					for i := range d.tasks() {
						first, last, from, to := d.task(i)
						costs = append(costs, (last-first)*(to-from)*layer[0]*tile[0]*tile[1])
					}
					time += span(threads, costs)
				}
				var costs []int
				for range config.Heads {
					for from := 0; from < config.Tokens(); from += queryRows {
						costs = append(costs, 2*min(queryRows, config.Tokens()-from)*config.Tokens()*config.HeadDim())
					}
				}
				time += span(threads, costs)
				if threads == 1 {
					alone = time
				}
				share := float64(alone) / float64(threads*time)
				shares, least = append(shares, share), min(least, share)
			}
			t.Logf("%s, tiles of %d x %d: %.2f", name, tile[0], tile[1], shares)
			if least < 0.9 {
				t.Errorf("%s, tiles of %d x %d: threads work for %.2f of the time", name, tile[0], tile[1], shares)
			}
		}
	}
}
