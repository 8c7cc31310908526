package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/measure"
)

// benchPictures compares reading a JPEG file, and making an input tensor of it, with Pillow (libjpeg-turbo) and timm's transform, on one thread each.
func benchPictures(ctx context.Context, b *bench) error {
	if b.python == "" {
		fmt.Println("left out: it compares with Python programs")
		return nil
	}
	const peer = "dev/bench/pictures_peer.py"
	photo := filepath.Join(b.folder, "photo.jpg")
	if output, err := exec.CommandContext(ctx, b.python, peer, "--make", photo).CombinedOutput(); err != nil {
		return fmt.Errorf("making a picture: %w\n%s", err, output)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Println("A photograph of 500 x 375 pixels, 47 kB, JPEG of quality 86, 4:2:0; milliseconds of processor time, medians; the recipe is timm's for 224 pixels.")
	fmt.Println()
	fmt.Println("| what | beitzoo | Pillow, timm | ratio |")
	fmt.Println("|---|---|---|---|")
	for _, way := range []struct{ request, name string }{{"decode", "decode to RGB"}, {"prepare", "decode, resize, crop, normalise"}} {
		own := &worker{name: "beitzoo", command: []string{self, "-pictures", photo}, request: way.request}
		theirs := &worker{name: "Pillow", command: []string{b.python, "-W", "ignore", peer, photo}, request: way.request}
		warm := func(all []*worker) error {
			for _, w := range all {
				if _, err := w.ask(w.request); err != nil {
					return err
				}
			}
			return nil
		}
		if err := interleave(ctx, []*worker{own, theirs}, 4*b.rounds, warm, pause); err != nil {
			return err
		}
		fmt.Printf("| %s | %.2f | %.2f | %.2f |\n", way.name, own.median(), theirs.median(), own.ratio(theirs))
	}
	return nil
}

// pictureWorker answers each line, decode or prepare, with the milliseconds of processor time for one picture.
func pictureWorker(in io.Reader, out io.Writer, path string) error {
	const round, size = 200, 224
	runtime.GOMAXPROCS(1)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	recipe, err := card.RecipeFor("timm", size)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		start := measure.ProcessorTime()
		for range round {
			if lines.Text() == "prepare" {
				_, err = preprocess.Prepare(recipe, bytes.NewReader(data))
			} else {
				_, err = preprocess.Decode(bytes.NewReader(data))
			}
			if err != nil {
				return err
			}
		}
		fmt.Fprintln(out, strconv.FormatFloat((measure.ProcessorTime()-start).Seconds()*1000/round, 'g', -1, 64))
	}
	return lines.Err()
}
