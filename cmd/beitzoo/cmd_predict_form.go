package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// formFlags say in which form predict says what it found.
type formFlags struct {
	jsonl, csv bool
	output     string
}

func (f *formFlags) flags() []cli.Flag {
	return []cli.Flag{
		boolFlag("jsonl", &f.jsonl, "print a JSON object in each line: first what is used, then each picture as soon as it is done"),
		boolFlag("csv", &f.csv, "print a line for each class of each picture: image, rank, class, label, probability, error"),
		&cli.PathFlag{
			Name: "output", Aliases: []string{"o"}, Destination: &f.output, Action: linesToStandardOutput,
			Usage: "write the lines of --jsonl to this `FILE`; if it was interrupted, the same command goes on from there",
		},
	}
}

// linesToStandardOutput refuses "-", and names the flag that does it.
func linesToStandardOutput(_ *cli.Context, path string) error {
	if path != "-" {
		return nil
	}
	return &usageError{"-o names a file, and - is standard output", "for lines on standard output: --jsonl; a file that is called - is written as ./-"}
}

// answers is where predict says what it found, picture by picture. failure is for pictures that cannot be read.
type answers interface {
	prediction(place int, p classify.Prediction) error
	failure(place int, failure *preprocess.FileError) error
	// finish says what is said at the end.
	finish() error
	// done reports whether a picture is done already; onTerminal that each one is printed where people see it.
	done(place int, name string) (bool, error)
	onTerminal() bool
	close() error
}

// open returns where to say the answers of a model.
func (f *predictFlags) open(c *console, facts classifierFacts, labels []string, list *pictureList) (answers, error) {
	plain := printed{c: c}
	header, err := f.headerOf(facts, labels, list)
	if err != nil {
		return nil, err
	}
	switch {
	case f.form.output != "":
		return openAnswerFile(c, f.form.output, header, list)
	case f.form.jsonl:
		l := &answerLines{printed: plain, to: c.out}
		return l, l.write(header)
	case f.form.csv:
		t := &answerTable{printed: plain, to: csv.NewWriter(c.out)}
		return t, t.write("image", "rank", "class", "label", "probability", "error")
	case c.asJSON:
		plain.c = c
		return &answerDocument{printed: plain, result: predictResult{facts, []classify.Prediction{}, []unreadImage{}}}, nil
	}
	return &answerText{plain, fmt.Sprintf("%s: %s", facts.Model, facts.line(labels)), false}, nil
}

// printed is what all answers on standard output have in common.
type printed struct{ c *console }

func (p printed) done(int, string) (bool, error) { return false, nil }

// onTerminal reports whether a person sees what is printed: then a bar would be in the way.
func (p printed) onTerminal() bool { return p.c.columns > 0 && !p.c.asJSON }

func (p printed) close() error { return nil }

// answerText prints answers for people.
type answerText struct {
	printed
	// first is the first line, which is not printed before there is an answer, or the end.
	first string
	begun bool
}

func (a *answerText) begin() {
	if !a.begun {
		a.begun = true
		a.c.printf("%s", a.first)
	}
}

func (a *answerText) prediction(_ int, p classify.Prediction) error {
	a.begin()
	a.c.printf("%s", p.Image)
	for _, class := range p.Top {
		a.c.printf("  %6.2f %%  %s", 100*class.Probability, class)
	}
	return a.c.results.err
}

func (*answerText) failure(int, *preprocess.FileError) error { return nil } // it is listed at the end

func (a *answerText) finish() error {
	a.begin()
	return nil
}

// predictResult is what `beitzoo predict --json` prints.
type predictResult struct {
	classifierFacts
	Predictions []classify.Prediction `json:"predictions"`
	Unread      []unreadImage         `json:"unread"`
}

// answerDocument prints all answers at the end, as one document.
type answerDocument struct {
	printed
	result predictResult
}

func (a *answerDocument) prediction(_ int, p classify.Prediction) error {
	a.result.Predictions = append(a.result.Predictions, p)
	return nil
}

func (a *answerDocument) failure(_ int, failure *preprocess.FileError) error {
	a.result.Unread = append(a.result.Unread, unreadOf(failure))
	return nil
}

func (a *answerDocument) finish() error { return a.c.json(a.result) }

// answerTable prints answers as comma-separated values.
type answerTable struct {
	printed
	to *csv.Writer
}

func (a *answerTable) write(cells ...string) error {
	if err := a.to.Write(cells); err != nil {
		return err
	}
	a.to.Flush()
	return a.to.Error()
}

func (a *answerTable) prediction(_ int, p classify.Prediction) error {
	for i, class := range p.Top {
		err := a.write(p.Image, strconv.Itoa(i+1), strconv.Itoa(class.Index), class.Label, strconv.FormatFloat(class.Probability, 'g', 6, 64), "")
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *answerTable) failure(_ int, failure *preprocess.FileError) error {
	return a.write(text.Valid(failure.Path), "", "", "", "", failure.Err.Error())
}

func (a *answerTable) finish() error { return nil }

// answerFormat is the entry "format" of the first line of answers.
const answerFormat = "beitzoo.answers.v1"

// answerHeader is the first line of answers.
type answerHeader struct {
	Format string `json:"format"`
	classifierFacts
	// LabelsDigest is that of the names of the classes, or empty if they have none.
	LabelsDigest string `json:"labels_digest,omitempty"`
	Engine       string `json:"engine"`
	DType        string `json:"dtype"`
	Device       string `json:"device"`
	Top          int    `json:"top"`
	Shard        string `json:"shard"`
	// Pictures is how many there are to be, or -1 if the end tells.
	Pictures int    `json:"pictures"`
	Version  string `json:"version"`
}

// answerLine is any other line of answers.
type answerLine struct {
	Index int              `json:"index"`
	Image string           `json:"image"`
	Top   []classify.Class `json:"top,omitempty"`
	// Unturned is the orientation that the file states, if the picture was not turned.
	Unturned int    `json:"unturned,omitempty"`
	Error    string `json:"error,omitempty"`
}

// answerLines writes answers as JSON, one a line.
type answerLines struct {
	printed
	to io.Writer
}

// headerOf returns the first line of the answers of a model about pictures.
func (f *predictFlags) headerOf(facts classifierFacts, labels []string, list *pictureList) (answerHeader, error) {
	chosen, options, err := f.engine.choose()
	if err != nil {
		return answerHeader{}, err
	}
	dtype := options.DType
	if dtype == tensor.Invalid {
		dtype = tensor.F32
	}
	device, _, _ := strings.Cut(cmp.Or(options.Device, "cpu"), ":") // which of several GPUs it is changes no answer
	return answerHeader{
		Format: answerFormat, classifierFacts: facts, LabelsDigest: digestOf(labels), Engine: chosen.Name(), DType: dtype.String(), Device: device,
		Top: f.top, Shard: fmt.Sprintf("%d/%d", list.first+1, list.step), Pictures: list.total, Version: version().Version,
	}, nil
}

// digestOf returns the digest of the names of classes, in their order, or an empty string if there are none.
func digestOf(labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	hash := sha256.New()
	for _, label := range labels {
		fmt.Fprintf(hash, "%d:%s", len(label), label)
	}
	return fmt.Sprintf("sha256:%x", hash.Sum(nil))
}

// lineOf returns a value as a line, with its end.
func lineOf(value any) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return text.JSON(line.Bytes()), nil
}

// write writes a line in one call of the system: whoever is killed leaves whole ones.
func (a *answerLines) write(value any) error {
	line, err := lineOf(value)
	if err != nil {
		return err
	}
	_, err = a.to.Write(line)
	return err
}

func (a *answerLines) prediction(place int, p classify.Prediction) error {
	return a.write(answerLine{Index: place, Image: p.Image, Top: p.Top, Unturned: p.Unturned})
}

func (a *answerLines) failure(place int, failure *preprocess.FileError) error {
	return a.write(answerLine{Index: place, Image: text.Valid(failure.Path), Error: text.Line(failure.Err.Error())})
}

func (a *answerLines) finish() error { return nil }
