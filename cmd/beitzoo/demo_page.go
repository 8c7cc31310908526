package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"

	"github.com/beitzoo/beitzoo/evaluate/mim"
	"github.com/beitzoo/beitzoo/internal/webpage"
)

// digitsStyle is what the page of the demo adds to the common style.
const digitsStyle = `
.digits { display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1.5rem; }
.digits figure { margin: 0; }
.digits img { width: 100%; height: auto; image-rendering: pixelated; }
`

// digitsPage is the page of the demo's second story.
var digitsPage = template.Must(template.New("digits").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
` + webpage.Generator + `
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{{.Policy}}">
<link rel="icon" href="data:,">
<title>beitzoo demo --pretraining</title>
<style>{{.Style}}</style>
</head>
<body>
<header>
<p class="quiet">What <code>beitzoo demo --pretraining</code> found</p>
<h1>A masked model recovers visual tokens of digits</h1>
<div class="figures">
{{range .Figures}}<p><strong>{{.Value}}</strong>{{.What}}</p>
{{end}}</div>
</header>
<main>
<h2>Digits</h2>
<p class="quiet">From left to right: the picture as the model sees it; the same with its masked patches covered; what the decoder makes of the tokens that the
model predicts for masked patches and the true ones elsewhere; what it makes of the true ones alone.</p>
<div class="digits">
{{range .Digits}}<figure><img src="{{.Source}}" alt="{{.Name}}"><figcaption>{{.Right}} of {{.Masked}} masked tokens are right</figcaption></figure>
{{end}}</div>
</main>
</body>
</html>
`))

// page returns the page of the demo's second story.
func (d *pretrainingRun) page() ([]byte, error) {
	type figure struct{ Value, What string }
	type digit struct {
		Name          string
		Source        template.URL
		Right, Masked int
	}
	r, style := d.result.Recovery, webpage.Style+digitsStyle
	percent := func(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }
	data := struct {
		Policy  string
		Style   template.CSS
		Figures []figure
		Digits  []digit
	}{Policy: webpage.Policy(style, ""), Style: template.CSS(style), Figures: []figure{
		{percent(r.Accuracy), fmt.Sprintf("of %d masked tokens", r.Masked)},
		{percent(r.Chance), "chance"},
		{percent(r.FrequentShare), "always the most frequent token"},
		{fmt.Sprintf("%.3f", r.Loss), "masked loss"},
		{percent(r.UnmaskedAccuracy), "of the tokens that it sees"},
	}}
	for _, shown := range d.shown {
		file, err := mim.Encode(mim.Strip(shown.pictures...))
		if err != nil {
			return nil, err
		}
		source := template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(file))
		data.Digits = append(data.Digits, digit{shown.name, source, shown.right, shown.masked})
	}
	var page bytes.Buffer
	err := digitsPage.Execute(&page, data)
	return page.Bytes(), err
}
