# deploy/ beside the schedulers that it is for. The main Makefile includes this file; `install` is in zoo.mk.

KUBERNETES := $(CACHE)/kubernetes

.PHONY: test-slurm test-kubernetes

test-slurm: ## deploy/slurm on a real Slurm of this machine, which is installed if need be: a task is killed and requeued
	@$(call install,slurmctld,slurm-wlm)
	@$(call install,munged,munge)
	GOWORK=off $(GO) test -count=1 -tags slurm -run Slurm ./cmd/beitzoo

test-kubernetes: $(KUBERNETES)/done ## deploy/kubernetes against the schema of Kubernetes, and its commands as processes of this machine
	$(KUBERNETES)/bin/kubernetes-validate --strict deploy/kubernetes/*.yaml
	GOWORK=off $(GO) test -count=1 -run Kubernetes ./cmd/beitzoo

$(KUBERNETES)/done: dev/cluster.mk
	python3 -m venv $(KUBERNETES)
	$(KUBERNETES)/bin/python -m pip install --quiet --disable-pip-version-check kubernetes-validate==1.37.0
	@touch $@
