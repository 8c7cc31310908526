package native

// division is how a product is divided into tasks: of the tiles of its rows each task takes high, of the panels of its columns wide. At the ends there may be fewer.
type division struct{ tiles, high, panels, wide int }

// fewest is how many tiles a task has at least, if there are others: for each task a panel comes from a cache further away, which fewer tiles would not make up for.
const fewest = 4

// divide returns a division such that all threads finish at about the same time. A task takes no more than most tiles; more tasks share a panel where else threads would wait.
// Results do not depend on it.
func divide(tiles, most, panels, threads int) division {
	const tasksPerThread, enough = 6, 0.9
	into := func(blocks int) division {
		wanted := max(1, threads*tasksPerThread/blocks)
		return division{tiles, divideUp(tiles, blocks), panels, max(1, panels/wanted)}
	}
	blocks := divideUp(tiles, most)
	best := into(blocks)
	for best.busy(threads) < enough {
		blocks++
		d := into(blocks)
		if d.high < fewest {
			break
		}
		if d.busy(threads) > best.busy(threads) {
			best = d
		}
	}
	return best
}

// divideRows returns into how many tasks tiles are divided, as nearly equal as can be, where a task takes all panels: it has no more than most tiles. With even all threads
// finish at about the same time; else there are too few tiles for them.
func divideRows(tiles, most, threads int) (tasks int, even bool) {
	const enough = 0.95
	for tasks = divideUp(tiles, most); ; tasks++ {
		rounds := divideUp(tasks, threads)
		longest := divideUp(tiles*rounds, tasks)
		if even = float64(tiles) >= enough*float64(threads*longest); even || tiles/tasks <= fewest {
			return tasks, even
		}
	}
}

// rowsOf returns the tiles [first, last) of a task of divideRows.
func rowsOf(i, tiles, tasks int) (first, last int) { return tiles * i / tasks, tiles * (i + 1) / tasks }

// busy returns the least share of their time that threads work.
func (d division) busy(threads int) float64 {
	rounds := divideUp(d.tasks(), threads)
	return float64(d.tiles*d.panels) / float64(threads*rounds*d.high*d.wide)
}

// tasks returns their number.
func (d division) tasks() int { return divideUp(d.tiles, d.high) * divideUp(d.panels, d.wide) }

// task returns the tiles [first, last) and the panels [from, to) of a task. Tasks with the same panels follow each other.
func (d division) task(i int) (first, last, from, to int) {
	blocks := divideUp(d.tiles, d.high)
	first, from = i%blocks*d.high, i/blocks*d.wide
	return first, min(d.tiles, first+d.high), from, min(d.panels, from+d.wide)
}

func divideUp(n, by int) int { return (n + by - 1) / by }
