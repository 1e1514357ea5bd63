"""The conformance kit: whether an adapter keeps to the contract. `daisy check-adapter` and Daisy's own tests run it."""

from daisy.framework.conformance.kit import Verdict, examine
from daisy.framework.conformance.subject import Case, Evidence, Subject, sandbox

__all__ = ["Case", "Evidence", "Subject", "Verdict", "examine", "sandbox"]
