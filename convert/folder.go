package convert

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// configFile is a small file beside the weights.
type configFile struct {
	name    string
	content []byte
}

// configs returns the files that belong beside the weights in a folder; none if the target is a single file.
func (t target) configs(config arch.Config, options SaveOptions) ([]configFile, error) {
	if t.folder == "" {
		return nil, nil
	}
	c := card.Card{Config: config, Facts: options.Facts}
	if config.Segments() {
		return t.segmentationConfigs(c, options)
	}
	if t.scheme.Name == naming.Timm {
		if config.Masked() && config.Classes == 0 {
			return nil, &TargetError{
				Reason:    "timm loads no mask_token, so there is no folder that it could load",
				Advice:    "drop mask_token when the model is read, or write to a file, or to a folder of transformers",
				MaskToken: true,
			}
		}
		if config.Masked() {
			return nil, &TargetError{
				Reason:    "timm has no class for masked image modelling, so there is no folder that it could load",
				Advice:    "write to a file, or to a folder of transformers; or leave out the head, and drop mask_token when the model is read",
				MaskToken: config.MaskToken,
			}
		}
		if config.Pooling == arch.NoPooling {
			return nil, &TargetError{
				Reason: "timm builds no model without a last norm, so there is no folder that it could load",
				Advice: "write to a file, or to a folder of transformers",
			}
		}
		write := configs.Timm
		if c.Recipe != nil && !c.Recipe.Fits(config) || options.recipeErr != nil { // timm would make another recipe of it
			write = configs.TimmWithoutRecipe
		}
		content, err := write(c)
		return []configFile{{"config.json", content}}, err
	}
	if t.scheme.ModelType == string(configs.FLAVACodebook) { // whose processor is FLAVA's
		content, err := configs.Transformers(c, configs.FLAVACodebook)
		return []configFile{{"config.json", content}}, err
	}
	content, err := configs.Transformers(c, configs.Type(t.scheme.ModelType))
	if err != nil {
		return nil, err
	}
	processor := options.processor
	switch {
	case t.copiesProcessor(options):
	case options.recipeErr != nil: // a usual recipe would pass for the one that the source states
		return []configFile{{"config.json", content}}, nil
	case c.Recipe != nil:
		processor, err = configs.Processor(*c.Recipe)
	case config.Channels != arch.RGB || config.ImageHeight != config.ImageWidth: // no recipe makes such images
		return []configFile{{"config.json", content}}, nil
	default:
		usual, unknown := card.RecipeFor(t.scheme.Recipe, config.ImageHeight)
		if unknown != nil {
			return nil, unknown
		}
		processor, err = configs.Processor(usual)
	}
	return []configFile{{"config.json", content}, {"preprocessor_config.json", processor}}, err
}

// copiesProcessor reports whether the folder takes over the preprocessor_config.json of the source.
func (t target) copiesProcessor(options SaveOptions) bool {
	return t.folder != "" && options.processor != nil && t.scheme.Name != naming.Timm && t.scheme.ModelType != string(configs.FLAVACodebook)
}

// write writes the weights, then the small files, and calls check. A folder that was made for them is removed if anything fails.
func (t target) write(ctx context.Context, parts []output.Part, configs []configFile, options output.Options, check func() error) error {
	if t.folder == "" {
		return output.Write(ctx, t.path, parts, options)
	}
	made, err := makeFolder(t.folder)
	if err != nil {
		return err
	}
	err = t.weightsThenConfigs(ctx, parts, configs, options)
	if err == nil {
		err = check()
	}
	if err != nil && made {
		os.Remove(t.path)
		for _, c := range configs {
			os.Remove(filepath.Join(t.folder, c.name))
		}
		os.Remove(t.folder) // keeps it if somebody else has put something there
	}
	return err
}

func (t target) weightsThenConfigs(ctx context.Context, parts []output.Part, configs []configFile, options output.Options) error {
	if err := output.Write(ctx, t.path, parts, options); err != nil {
		return err
	}
	for _, c := range configs {
		err := output.Write(ctx, filepath.Join(t.folder, c.name), []output.Part{output.Literal(c.content)}, output.Options{NoSync: options.NoSync})
		if err != nil {
			return err
		}
	}
	return nil
}

// makeFolder makes a folder if there is none, and reports whether it did.
func makeFolder(path string) (bool, error) {
	err := os.Mkdir(path, 0o777)
	if errors.Is(err, os.ErrExist) {
		return false, nil
	}
	return err == nil, disk.AtTarget(path, err)
}
