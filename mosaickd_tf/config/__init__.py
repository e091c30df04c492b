"""What a run can be asked for: frozen dataclasses, the only place where a default stands.

Each class is a topic. The commands turn every field into a flag of the same name, help text
and default; a field whose flag is called otherwise says so in its metadata.
"""

from mosaickd_tf.config.commands import (
    SYNTHESIS_FORMATS,
    BenchmarkConfig,
    DemoConfig,
    EvaluationConfig,
    ExportSourceConfig,
    LedgerConfig,
    ReportConfig,
    SynthesisConfig,
    TerminalConfig,
    WorkdirConfig,
)
from mosaickd_tf.config.compression import COMPRESSED, CompressionConfig
from mosaickd_tf.config.data import AUGMENTATIONS, TEACHER_INPUTS, DataConfig, TeacherConfig
from mosaickd_tf.config.distillation import (
    EXPORTS,
    ON_DIVERGENCE,
    PRECISIONS,
    STUDENT_IMAGES,
    DistillConfig,
    ExportConfig,
    OptimizationConfig,
    PlayersConfig,
    RunConfig,
    TeacherTrainingConfig,
    as_baseline,
)
from mosaickd_tf.config.methods import (
    METHODS,
    BaselineTerms,
    DataFreeTerms,
    ExtensionConfig,
    LossWeights,
    MethodConfig,
)
from mosaickd_tf.config.options import (
    ConfigSection,
    assignment,
    flag_name,
    from_options,
    option,
    options,
)

__all__ = [
    "AUGMENTATIONS",
    "BaselineTerms",
    "BenchmarkConfig",
    "COMPRESSED",
    "CompressionConfig",
    "DataConfig",
    "DataFreeTerms",
    "DemoConfig",
    "DistillConfig",
    "EXPORTS",
    "EvaluationConfig",
    "ExportConfig",
    "ExportSourceConfig",
    "ExtensionConfig",
    "LedgerConfig",
    "LossWeights",
    "METHODS",
    "MethodConfig",
    "ON_DIVERGENCE",
    "OptimizationConfig",
    "PRECISIONS",
    "WorkdirConfig",
    "PlayersConfig",
    "ReportConfig",
    "RunConfig",
    "STUDENT_IMAGES",
    "SYNTHESIS_FORMATS",
    "SynthesisConfig",
    "TEACHER_INPUTS",
    "TeacherConfig",
    "TeacherTrainingConfig",
    "TerminalConfig",
    "ConfigSection",
    "as_baseline",
    "assignment",
    "flag_name",
    "from_options",
    "option",
    "options",
]
