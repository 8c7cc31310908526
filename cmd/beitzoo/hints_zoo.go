package main

import (
	"errors"
	"fmt"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// zooHint returns what the user can type about an error of the zoo, or "". Packages zoo, manifest and trust say what has happened and what can be
// done; this function adds the flag or command for it.
func zooHint(err error) string {
	var (
		missing   *manifest.NotFoundError
		index     *manifest.IndexError
		signature *trust.SignatureError
		changed   *zoo.ChangedError
		disagree  *zoo.SourcesDisagreeError
		unproved  *zoo.NotVerifiedError
		status    *manifest.StatusError
		signer    *zoo.SignerError
		keys      *trust.ChangeError
		recipe    *zoo.RecipeSizeError
		label     *zoo.LabelError
		tooLarge  *zoo.ManifestSizeError
	)
	switch {
	case isA[*manifest.Error](nil)(err) && errdef.Hint(err) == "": // one about a part of a manifest has a hint
		return "compare it with one that is right: beitzoo show digits_p16_64 --yaml; docs/zoo.md and manifests/schema.json describe the fields"
	case errors.As(err, &missing) && len(missing.Versions) == 0:
		if hint := missing.Hint(); hint != "" {
			return hint + " `beitzoo list` shows all names"
		}
		return "`beitzoo list` shows the names"
	case errors.As(err, &index) && errors.Is(index, manifest.ErrFreeze):
		return index.Hint() + "; publishers renew it with: beitzoo manifest renew"
	case errors.As(err, &index):
		return index.Hint() + ". If the place was really set up again: beitzoo trust forget " + index.Place
	case errors.As(err, &signer) && errors.Is(signer, trust.ErrUnknownKey):
		return fmt.Sprintf("with a root key of the place: beitzoo key add %s %s --sign ROOT", signer.Place, signer.Key)
	case errors.As(err, &signer):
		return signer.Hint() + ": `beitzoo key ls " + signer.Place + "` lists them"
	case errors.As(err, &keys) && errors.Is(keys, trust.ErrKeyListed):
		return keys.Hint() + ": beitzoo key generate -o FILE"
	case errors.As(err, &keys):
		return keys.Hint() + ": beitzoo key ls " + keys.Place
	case errors.As(err, &signature) && signature.Archived && (errors.Is(signature, trust.ErrRevokedKey) || errors.Is(signature, trust.ErrRetiredKey)):
		return signature.Hint() + "; the command is: beitzoo bundle NAME -o FILE"
	case errors.Is(err, trust.ErrPassword):
		return "type it again; where the variable is set, it is read from BEITZOO_PASSWORD (that of the new key of `key rotate` from BEITZOO_NEW_PASSWORD)"
	case errors.As(err, &signature) && errors.Is(signature, trust.ErrRevokedKey), errors.As(err, &signature) && errors.Is(signature, trust.ErrRetiredKey):
		return signature.Hint() + ": beitzoo manifest renew PLACE --sign KEY --re-sign NAME; a bundle is made anew: beitzoo bundle NAME -o FILE"
	case errors.As(err, &signature) && signature.Listed:
		return signature.Hint() + ", with: beitzoo key add"
	case errors.As(err, &signature) && !errors.Is(signature, trust.ErrBadSignature):
		return signature.Hint() + " with --trust KEY (a file, or the key itself)"
	case errors.As(err, &changed):
		return changed.Hint() + " with --repin"
	case errors.As(err, &disagree):
		return disagree.Hint() + " with --source " + disagree.Source + " --repin"
	case errors.As(err, &status) && status.Has != nil:
		command := map[string]string{manifest.Withdrawn: "yank", manifest.Deprecated: "deprecate"}[status.Has.State]
		return fmt.Sprintf("take that back first with: beitzoo %s %s PLACE --undo --sign KEY", command, status.Reference)
	case errors.As(err, &recipe):
		return recipe.Hint() + ", with --recipe RECIPE (a name or a file) or --recipe none"
	case errors.As(err, &label):
		return label.Hint() + ", with --labels FILE or --labels none"
	case errors.As(err, &tooLarge):
		return tooLarge.Hint() + "; the flag is --labels none"
	case errors.As(err, &unproved):
		return "`beitzoo verify CHECKPOINT --recording FILE` says where they differ"
	}
	return placeHint(err)
}
