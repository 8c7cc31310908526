package finetune

import (
	"cmp"
	"context"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/tensor"
)

// Evaluation says how parameters are scored in the course of a training.
type Evaluation struct {
	// Engine runs the model as anybody will who has the result, and Run are its options.
	Engine engine.Engine
	Run    engine.Options
	// Card is what is known of the model.
	Card card.Card
	// Data are the pictures, and Batch is how many go through the model at once; 0 means [classify.DefaultBatchSize].
	Data  dataset.Set
	Batch int
	// Progress, if not nil, is called now and then.
	Progress func(evaluate.Progress)
}

// Score is for Options.Evaluate. The errors are those of the engine and of [evaluate.Classification]: an image that can't be read is one, as what is best would
// depend on which images are there.
func (e Evaluation) Score(ctx context.Context, parameters []tensor.Named) (Score, error) {
	summary, _, err := e.Examine(ctx, parameters, nil)
	if err != nil {
		return Score{}, err
	}
	score := Score{Right: summary.Top1, Images: summary.Images}
	if summary.Loss != nil {
		score.Loss = *summary.Loss
	}
	return score, nil
}

// Examine evaluates as Score does, and returns all figures, with the header of [evaluate.HeaderFor]. record, if not nil, is called with what the model said of each
// image, as [evaluate.Options] say.
func (e Evaluation) Examine(ctx context.Context, parameters []tensor.Named, record func(evaluate.Record)) (*evaluate.Summary, evaluate.Header, error) {
	batch, run := cmp.Or(max(e.Batch, 0), classify.DefaultBatchSize), e.Run
	run.Batch = batch
	model, err := e.Engine.Load(ctx, e.Card.Config, parameters, run)
	if err != nil {
		return nil, evaluate.Header{}, err
	}
	defer model.Close()
	classifier, err := classify.New(model, e.Card)
	if err != nil {
		return nil, evaluate.Header{}, err
	}
	classifier.Strict, classifier.BatchSize = true, batch
	header := evaluate.HeaderFor(classifier, e.Data, evaluate.Shard{Index: 1, Of: 1})
	summary, err := evaluate.Classification(ctx, classifier, e.Data, evaluate.Options{Header: header, Progress: e.Progress, Record: record})
	return summary, header, err
}
