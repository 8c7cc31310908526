# Completion and manual pages in the programs that users have. The main Makefile includes this file; `install` is in zoo.mk.

BASH_COMPLETION := /usr/share/bash-completion/bash_completion

.PHONY: man test-shells

man: build ## bin/man, the manual pages
	bin/beitzoo man -o bin/man

test-shells: ## completion in bash, zsh and fish, manual pages in mandoc and groff, all installed if need be
	@$(call install,zsh,zsh)
	@$(call install,fish,fish)
	@test -e $(BASH_COMPLETION) || $(call install,bash-completion,bash-completion)
	@$(call install,mandoc,mandoc)
	@$(call install,groff,groff-base)
	@$(call install,lexgrog,man-db)
	GOWORK=off $(GO) test -count=1 -tags shells -run Shells ./cmd/beitzoo
