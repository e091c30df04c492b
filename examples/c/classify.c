/* Classifies a picture with an exported student.
 *
 *   classify student_int8.tflite picture.ppm [labels.txt]
 *
 * prints each class and its output. The picture is a binary PGM (gray) or PPM (color) of the size
 * that the model takes; docs/mobile.md says how any picture becomes one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "litert.h"

#define CHECK(call)                                      \
  do {                                                   \
    int status_ = (call);                                \
    if (status_ != 0) fail("LiteRT", #call, status_);    \
  } while (0)

static void fail(const char* what, const char* which, int code) {
  fprintf(stderr, "classify: %s: %s (%d)\n", what, which, code);
  exit(1);
}

/* Reads a P5 or P6 file of exactly this shape into `pixels`. */
static void read_picture(const char* path, const int32_t shape[3], uint8_t* pixels) {
  FILE* file = fopen(path, "rb");
  int width, height, largest, channels = shape[2];
  size_t size = (size_t)shape[0] * shape[1] * channels;
  char kind;
  if (!file) fail("cannot read", path, 1);
  if (fscanf(file, "P%c %d %d %d", &kind, &width, &height, &largest) != 4 || fgetc(file) == EOF)
    fail("not a PGM or PPM", path, 1);
  if (kind != (channels == 1 ? '5' : '6') || width != shape[1] || height != shape[0] ||
      largest != 255)
    fail("not of the model's size and colors", path, 1);
  if (fread(pixels, 1, size, file) != size) fail("ends too early", path, 1);
  fclose(file);
}

/* Prints the outputs, integers as what they stand for, a class a line. */
static void print_outputs(const void* outputs, int type, LiteRtTensor tensor, int classes,
                          const char* labels_path) {
  LiteRtQuantizationPerTensor quantization = {1.0f, 0};
  FILE* labels = labels_path ? fopen(labels_path, "r") : NULL;
  int kind = 0;
  if (labels_path && !labels) fail("cannot read", labels_path, 1);
  CHECK(LiteRtGetQuantizationTypeId(tensor, &kind));
  if (kind == kLiteRtQuantizationPerTensor)
    CHECK(LiteRtGetPerTensorQuantization(tensor, &quantization));
  for (int i = 0; i < classes; i++) {
    char name[256];
    double value = type == kLiteRtUInt8
                       ? (((const uint8_t*)outputs)[i] - quantization.zero_point) *
                             (double)quantization.scale
                       : ((const float*)outputs)[i];
    if (!labels || fscanf(labels, " %255[^\n]", name) != 1) snprintf(name, sizeof name, "%d", i);
    printf("%s\t%.6f\n", name, value);
  }
  if (labels) fclose(labels);
}

int main(int argc, char** argv) {
  LiteRtEnvironment environment;
  LiteRtModel model;
  LiteRtOptions options;
  LiteRtCompiledModel compiled;
  LiteRtSignature signature;
  LiteRtTensor taken, given;
  LiteRtRankedTensorType image, output;
  LiteRtTensorBufferRequirements of_input, of_output;
  LiteRtTensorBuffer inputs[1], outputs[1];
  void* memory;

  if (argc < 3 || argc > 4) {
    fprintf(stderr, "usage: classify MODEL.tflite PICTURE.ppm [LABELS.txt]\n");
    return 2;
  }
  CHECK(LiteRtCreateEnvironment(0, NULL, &environment));
  CHECK(LiteRtCreateModelFromFile(environment, argv[1], &model));
  CHECK(LiteRtCreateOptions(&options));
  CHECK(LiteRtSetOptionsHardwareAccelerators(options, kLiteRtHwAcceleratorCpu));
  CHECK(LiteRtCreateCompiledModel(environment, model, options, &compiled));

  CHECK(LiteRtGetModelSignature(model, 0, &signature));
  CHECK(LiteRtGetSignatureInputTensorByIndex(signature, 0, &taken));
  CHECK(LiteRtGetSignatureOutputTensorByIndex(signature, 0, &given));
  CHECK(LiteRtGetRankedTensorType(taken, &image));
  CHECK(LiteRtGetRankedTensorType(given, &output));
  if (image.element_type != kLiteRtUInt8 || image.rank != 4 || image.dimensions[0] != 1)
    fail("not a classifier of one image of bytes", argv[1], 1);
  if (output.element_type != kLiteRtUInt8 && output.element_type != kLiteRtFloat32)
    fail("gives neither bytes nor floats", argv[1], 1);

  CHECK(LiteRtGetCompiledModelInputBufferRequirements(compiled, 0, 0, &of_input));
  CHECK(LiteRtGetCompiledModelOutputBufferRequirements(compiled, 0, 0, &of_output));
  CHECK(LiteRtCreateManagedTensorBufferFromRequirements(environment, &image, of_input, inputs));
  CHECK(LiteRtCreateManagedTensorBufferFromRequirements(environment, &output, of_output, outputs));

  CHECK(LiteRtLockTensorBuffer(inputs[0], &memory, kLiteRtLockWrite));
  read_picture(argv[2], image.dimensions + 1, memory);
  CHECK(LiteRtUnlockTensorBuffer(inputs[0]));
  CHECK(LiteRtRunCompiledModel(compiled, 0, 1, inputs, 1, outputs));
  CHECK(LiteRtLockTensorBuffer(outputs[0], &memory, kLiteRtLockRead));
  print_outputs(memory, output.element_type, given, output.dimensions[1],
                argc == 4 ? argv[3] : NULL);
  CHECK(LiteRtUnlockTensorBuffer(outputs[0]));

  LiteRtDestroyTensorBuffer(inputs[0]);
  LiteRtDestroyTensorBuffer(outputs[0]);
  LiteRtDestroyCompiledModel(compiled);
  LiteRtDestroyOptions(options);
  LiteRtDestroyModel(model);
  LiteRtDestroyEnvironment(environment);
  return 0;
}
